import assert from 'node:assert/strict';
import { codecPolicy } from '../sdp/media-policy.js';
import { ANSWER, CallBench, OFFER, settled } from './call-test-kit.js';
import type { FakeCaller } from './fake-legs.js';

const TEXT = {
  method: 'MESSAGE',
  headers: { 'Content-Type': 'text/plain' },
  contentType: 'text/plain',
  body: 'hi',
} as const;
const XML = { method: 'INFO', headers: {}, contentType: 'application/xml', body: '<x/>' } as const;
const KEY = {
  method: 'INFO',
  headers: {},
  contentType: 'application/dtmf-relay',
  body: 'Signal=7\r\nDuration=200\r\n',
} as const;
const INFO_PEER = { ...codecPolicy(['PCMA']), dtmf: 'info' } as const;

describe('what peers say in their dialogs', () => {
  let bench: CallBench;
  let caller: FakeCaller;

  async function over() {
    caller.hangsUp();
    await settled();
    bench.leg.clear();
    await settled();
    bench.assertQuiet();
  }

  describe('by the allow list', () => {
    beforeEach(async () => {
      bench = new CallBench({ allowedContent: { info: [], message: ['text/plain'] } });
      caller = await bench.talk();
    });
    afterEach(over);

    it('passes to the other side, and its answer back', () => {
      bench.leg.messageStatus = 202;
      assert.equal(caller.says(TEXT), 202);
      assert.deepEqual(bench.leg.sentMessages, [
        { method: 'MESSAGE', headers: { 'Content-Type': 'text/plain' }, body: 'hi' },
      ]);
      assert.equal(bench.leg.says(TEXT), 200);
      bench.at('caller MESSAGE hi');
    });

    it('is refused by its method, or by its content', () => {
      assert.equal(caller.says(XML), 405);
      assert.equal(caller.says({ ...TEXT, contentType: 'text/html' }), 415);
      assert.equal(caller.says({ ...TEXT, contentType: null, body: null }), 415);
      assert.equal(caller.says(KEY), 405, 'digits of a side that has them in its RTP');
      assert.deepEqual(bench.leg.sentMessages, []);
    });

    it('is a question whether the dialog lives, when an INFO has no body', () => {
      assert.equal(caller.says({ ...XML, contentType: null, body: null }), 200);
    });
  });

  it('does not pass before both sides talk', async () => {
    bench = new CallBench({ allowedContent: { info: [], message: ['text/plain'] } });
    caller = await bench.dial();
    assert.equal(bench.leg.says(TEXT), 500);
    caller.cancel();
    bench.leg.fail(487);
    await settled();
    bench.assertQuiet();
  });

  describe('digits', () => {
    /** One side has its digits in INFO. */
    async function talking(caller_: boolean, callee: boolean) {
      bench = new CallBench();
      if (callee) bench.gatewayMedia = INFO_PEER;
      const trunk = { name: 'pbx', network: 'lan', traffic: 'commercial', nat: 'off', mediaSources: [] } as const;
      caller = await bench.offer({
        trunk: { ...trunk, media: caller_ ? INFO_PEER : codecPolicy(['PCMA']) },
        offerSdp: OFFER,
      });
      bench.leg.sent();
      bench.leg.answer(ANSWER);
      await settled();
      caller.connected();
      await settled();
    }
    afterEach(over);

    it('of a caller in INFO are played to the gateway, and counted in the record', async () => {
      await talking(true, false);
      assert.match(bench.leg.request.offerSdp, /telephone-event\/8000/, 'the gateway is offered events');
      assert.equal(caller.says(KEY), 200);
      bench.at('media plays digit to callee (replace)');
      assert.equal(caller.says({ ...KEY, body: 'Signal=flash' }), 400);
      caller.hangsUp();
      bench.leg.clear();
      await settled();
      assert.deepEqual([bench.record.media?.caller.dtmfEvents, bench.record.media?.callee.dtmfEvents], [1, 0]);
      assert.equal(bench.record.media?.caller.dtmfDigits, null, 'the relay keeps none');
    });

    it('in a caller’s RTP go to a gateway that has them in INFO', async () => {
      await talking(false, true);
      assert.doesNotMatch(bench.leg.request.offerSdp, /telephone-event/, 'no events are offered to it');
      for (const tell of bench.media.eventListeners) {
        tell({ type: 'dtmf', side: 'caller', event: '5', durationMs: 100, by: 'rfc4733' });
        tell({ type: 'dtmf', side: 'callee', event: '6', durationMs: 100, by: 'rfc4733' });
      }
      assert.deepEqual(
        bench.leg.sentMessages.map(({ body }) => body),
        ['Signal=5\r\nDuration=100\r\n'],
      );
    });

    it('pass from INFO to INFO', async () => {
      await talking(true, true);
      caller.says(KEY);
      assert.deepEqual(
        bench.leg.sentMessages.map(({ body }) => body),
        [KEY.body],
      );
      bench.leg.says(KEY);
      bench.at('caller INFO Signal=7');
    });
  });
});
