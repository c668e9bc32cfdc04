// Call records: attempt, start and stop of each leg. Run by contract.test.ts.
import { strict as assert } from 'node:assert';
import { Arena, type ServerUnderTest } from './testing/arena.js';
import { answer, uriOf } from './testing/called-peer.js';
import { Inbox } from './testing/inbox.js';
import { Call, responseText, SDP } from './testing/sip-script.js';
import { type AppMessage, routesKnown, type TestApplication } from './testing/test-application.js';

interface Cdr {
  readonly event: string;
  readonly words: readonly string[];
  readonly message: AppMessage & { readonly status?: number };
}

export function describeCdrContract(server: () => ServerUnderTest): void {
  describe('call records', () => {
    let arena: Arena;
    beforeEach(function () {
      if (server().control === null) {
        console.log('      skipped: drachtio-server writes them only where its config says so');
        this.skip();
      }
      arena = new Arena(server());
    });
    afterEach(() => arena?.close());

    /** An application that takes records, through drachtio-srf's own events. */
    async function recording(srf?: TestApplication): Promise<Inbox<Cdr>> {
      const app = srf ?? (await arena.app());
      const inbox = new Inbox<Cdr>(({ event, words }) => `${event} ${words.join(' ')}`);
      for (const event of ['attempt', 'start', 'stop']) {
        app.on(
          `cdr:${event}` as 'error',
          ((...args: unknown[]) => {
            const message = args.pop() as Cdr['message'];
            // The second word is the time.
            inbox.put({ event, words: args.filter((_arg, index) => index !== 1) as string[], message });
          }) as () => void,
        );
      }
      await routesKnown(app);
      return inbox;
    }

    function next(inbox: Inbox<Cdr>, event: string): Promise<Cdr> {
      return inbox.take(event, (cdr) => cdr.event === event);
    }

    it('tells of a call that was taken and ended by the caller', async () => {
      const srf = await arena.app({
        invite: (request, reply) => {
          srf.createUAS(request, reply, { localSdp: SDP }, () => undefined);
        },
      });
      const cdrs = await recording(srf);
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp);
      call.invite();
      call.learn(await peer.response(200, 'INVITE'));
      call.ack();
      call.inside('BYE');
      await peer.response(200, 'BYE');
      const attempt = await next(cdrs, 'attempt');
      assert.deepEqual(attempt.words, ['network']);
      assert.equal(attempt.message.method, 'INVITE');
      const start = await next(cdrs, 'start');
      assert.deepEqual(start.words, ['application', 'uas']);
      assert.equal(start.message.status, 200);
      const stop = await next(cdrs, 'stop');
      assert.deepEqual(stop.words, ['network', 'normal-release']);
      assert.equal(stop.message.method, 'BYE');
      assert.equal(stop.message.get('call-id'), call.callId);
    });

    it('tells of a call that was placed and ended by the application', async () => {
      const srf = await arena.app();
      const cdrs = await recording(srf);
      const peer = await arena.udpPeer();
      srf.createUAC(uriOf(peer), { localSdp: SDP }, {}, (_error, dialog) => void dialog?.destroy());
      const invite = await peer.request('INVITE');
      await answer(peer, invite, 'c');
      peer.send(responseText(await peer.request('BYE'), 200));
      assert.deepEqual((await next(cdrs, 'attempt')).words, ['application']);
      assert.deepEqual((await next(cdrs, 'start')).words, ['network', 'uac']);
      assert.deepEqual((await next(cdrs, 'stop')).words, ['application', 'normal-release']);
    });

    it('tells of calls that were refused or cancelled', async () => {
      const srf = await arena.app({
        invite: (request, reply) => (request.uri.includes('busy') ? reply.send(486) : reply.send(180)),
      });
      const cdrs = await recording(srf);
      const peer = await arena.udpPeer();
      const busy = new Call(peer, server().udp, { user: 'busy' });
      busy.invite();
      busy.ackFailure(await peer.response(486, 'INVITE'));
      const refused = await next(cdrs, 'stop');
      assert.deepEqual(refused.words, ['application', 'call-rejected']);
      assert.equal(refused.message.status, 486);
      const ringing = new Call(peer, server().udp);
      ringing.invite();
      await peer.response(180, 'INVITE');
      ringing.cancel();
      ringing.ackFailure(await peer.response(487, 'INVITE'));
      assert.deepEqual((await next(cdrs, 'stop')).words, ['application', 'call-canceled']);
      srf.createUAC(uriOf(peer), { localSdp: SDP }, {}, () => undefined);
      peer.send(responseText(await peer.request('INVITE'), 603, { toTag: 'c' }));
      const declined = await next(cdrs, 'stop');
      assert.deepEqual(declined.words, ['network', 'call-rejected']);
      assert.equal(declined.message.status, 603);
    });

    it('gives each record to one of the applications that want it, in turn', async () => {
      const first = await recording();
      const second = await recording();
      const peer = await arena.udpPeer();
      const srf = await arena.app();
      for (const cdrs of [first, second, first, second]) {
        srf.createUAC(uriOf(peer), { localSdp: SDP }, {}, () => undefined);
        peer.send(responseText(await peer.request('INVITE'), 404, { toTag: 'c' }));
        await next(cdrs, 'attempt');
        await next(cdrs, 'stop');
      }
    });
  });
}
