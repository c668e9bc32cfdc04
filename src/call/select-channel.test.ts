import assert from 'node:assert/strict';
import type { JournalEntry } from '../lib/journal-entry.js';
import type { Ledger, ReserveFirstResult, ReserveRefusal, ReserveRequest, ReserveResult } from '../quota/ledger.js';
import type { CallMedia } from './call-media.js';
import type { CallRequest } from './call-request.js';
import type { MediaPort, RouteCandidate, RouteDecision, RoutePort, RouteRequest } from './ports.js';
import { type SelectionRequest, selectChannel } from './select-channel.js';

const SUMMARY = {
  considered: 0,
  refused: {},
  winner: null,
  runnersUp: [],
  codecs: [],
  decidedWallMs: 0,
  seed: 1,
  version: 1,
};

/** Channels on one gateway, a ledger over them, and routing that offers the first eight that are idle. */
function exchange(channels: number, networkOf: (channelId: string) => string = () => 'lan') {
  const taken = new Set<string>();
  const refusing = new Map<string, ReserveRefusal>();
  const reserved: ReserveRequest[] = [];
  const asked: RouteRequest[] = [];
  const ids = Array.from({ length: channels }, (_, i) => `gw1/${i + 1}`);
  const state = { hasCapsLeft: false };
  let opened = 0;
  let portsLeft = Number.POSITIVE_INFINITY;
  const routes: RoutePort = {
    decide: (question: RouteRequest) => {
      asked.push(question);
      return decision(question);
    },
    attemptReported: () => {},
  };
  const decision = ({ excludeChannels, excludeGateways }: RouteRequest): RouteDecision => {
    const candidates = ids
      .filter((id) => !taken.has(id) && !excludeChannels.includes(id) && !excludeGateways.includes('gw1'))
      .slice(0, 8)
      .map(
        (channelId) =>
          ({
            channelId,
            simId: channelId,
            gateway: { name: channelId, network: networkOf(channelId) },
          }) as RouteCandidate,
      );
    return { best: candidates[0], candidates, summary: SUMMARY, refusal: 'no-channel' };
  };
  const ledger = {
    fitPayers: () =>
      state.hasCapsLeft
        ? { ok: true, maxCallSeconds: 60 }
        : { ok: false, reason: 'cap-exhausted', payer: 'trunk:pbx', allowanceId: 'spend-day' },
    reserve: async (request: ReserveRequest): Promise<ReserveResult> => {
      const { channelId, reservationId } = request;
      reserved.push(request);
      const refusal = taken.has(channelId) ? 'channel-busy' : refusing.get(channelId);
      const cap = refusal === 'cap-exhausted' && { payer: 'trunk:pbx', allowanceId: 'spend-day' };
      if (refusal !== undefined) return { ok: false, reason: refusal, ...cap };
      taken.add(channelId);
      return { ok: true, reservationId, maxCallSeconds: 60 };
    },
  } as unknown as Ledger;
  const media: MediaPort = {
    capabilities: { srtp: false, transcodes: () => false },
    open: async () => {
      opened += 1;
      if (opened > portsLeft) return { ok: false, reason: 'no-media-ports' };
      return { ok: true, session: { placeCallee: async () => ({ ok: true }) } as never };
    },
  };
  return {
    ports: { routes, ledger, media },
    taken,
    refusing,
    reserved,
    asked,
    state,
    limitPorts: (count: number) => {
      portsLeft = count;
    },
  };
}

function ask(attemptId: string, isOfferable = true): SelectionRequest {
  const media = {
    session: null as unknown,
    codecNeeds: { direct: ['PCMA'], transcoded: [], srtp: false },
    callerTransport: null,
    offerFor: () => ({ ok: isOfferable }),
    use(session: unknown) {
      media.session = session;
    },
  };
  return {
    request: { callId: attemptId, trunk: { name: 'pbx', network: 'lan' }, agent: null, account: null } as CallRequest,
    callee: { e164: '+821012345678', national: '01012345678', numberClass: 'mobile' },
    media: media as unknown as CallMedia,
    attemptId,
    excludeChannels: [],
    excludeGateways: [],
    avoidGateways: [],
    wallMs: 0,
    alongside: () => [],
  };
}

describe('the selection of a channel', () => {
  it('gives every call of a burst a channel of its own while there are idle ones', async () => {
    const { ports, taken } = exchange(200);
    const selections = await Promise.all(Array.from({ length: 200 }, (_, i) => selectChannel(ports, ask(`a${i}`))));
    assert.ok(selections.every((selection) => selection.ok));
    assert.equal(taken.size, 200);
  });

  it('refuses exactly those of a burst for whom no channel is left', async () => {
    const { ports } = exchange(50);
    const selections = await Promise.all(Array.from({ length: 60 }, (_, i) => selectChannel(ports, ask(`a${i}`))));
    assert.equal(selections.filter((selection) => selection.ok).length, 50);
    assert.ok(selections.every((selection) => selection.ok || selection.reason === 'no-channel'));
  });

  it('takes the next best when the ledger refuses the best', async () => {
    const { ports, refusing } = exchange(3);
    refusing.set('gw1/1', 'quota-exhausted');
    const selection = await selectChannel(ports, ask('a1'));
    assert.equal(selection.ok && selection.channel.channelId, 'gw1/2');
  });

  it('goes to another network when the best channel is there', async () => {
    const { ports, refusing } = exchange(2, (id) => (id === 'gw1/1' ? 'lan' : 'wan'));
    refusing.set('gw1/1', 'quota-exhausted');
    const selection = await selectChannel(ports, ask('a1'));
    assert.equal(selection.ok && selection.channel.channelId, 'gw1/2');
  });

  it('prefers another gateway to one that did not respond, but takes it when there is no other', async () => {
    const { ports } = exchange(1);
    const selection = await selectChannel(ports, { ...ask('a1'), avoidGateways: ['gw1'] });
    assert.equal(selection.ok && selection.channel.channelId, 'gw1/1');
  });

  it('asks for no other channel when a cap or an absent ledger would refuse them all, and names the cap', async () => {
    const { ports, taken, refusing } = exchange(2);
    refusing.set('gw1/1', 'cap-exhausted');
    const capped = await selectChannel(ports, ask('a1'));
    assert.deepEqual(!capped.ok && [capped.reason, capped.limit], [
      'cap-exhausted',
      { holder: 'trunk:pbx', allowanceId: 'spend-day' },
    ]);
    refusing.set('gw1/1', 'ledger-away');
    const away = await selectChannel(ports, ask('a2'));
    assert.deepEqual(!away.ok && [away.reason, away.limit], ['ledger-away', null]);
    assert.equal(taken.size, 0);
  });

  it('takes a cheaper channel when a cap has something left, but too little for the best', async () => {
    const { ports, refusing, state } = exchange(20);
    state.hasCapsLeft = true;
    for (const port of [1, 2]) refusing.set(`gw1/${port}`, 'cap-exhausted');
    const paid = await selectChannel(ports, ask('a1'));
    assert.equal(paid.ok && paid.channel.channelId, 'gw1/3');
    // More than are tried, and fewer.
    for (const channels of [20, 5]) {
      const dear = exchange(channels);
      dear.state.hasCapsLeft = true;
      for (let port = 1; port <= channels; port++) dear.refusing.set(`gw1/${port}`, 'cap-exhausted');
      const capped = await selectChannel(dear.ports, ask('a2'));
      const expected = ['cap-exhausted', { holder: 'trunk:pbx', allowanceId: 'spend-day' }];
      assert.deepEqual(!capped.ok && [capped.reason, capped.limit], expected);
    }
  });

  it('asks a ledger that can for the best few at once, and dials the one that it booked', async () => {
    const { ports, refusing } = exchange(4, (id) => (id === 'gw1/3' ? 'wan' : 'lan'));
    refusing.set('gw1/1', 'quota-exhausted');
    const steps: string[][] = [];
    const kept: string[] = [];
    const ledger: Ledger = Object.assign(Object.create(ports.ledger) as Ledger, {
      reserveFirst: async (
        requests: readonly ReserveRequest[],
        alongside: (booked: ReserveRequest) => readonly JournalEntry[],
      ): Promise<ReserveFirstResult> => {
        steps.push(requests.map(({ channelId }) => channelId));
        for (const request of requests) {
          const { channelId } = request;
          const reserved = await ports.ledger.reserve(request);
          alongside(request);
          if (reserved.ok) return { ...reserved, channelId };
        }
        return { ok: false, reason: 'quota-exhausted' };
      },
    });
    const asking = ask('a1');
    const offers: string[] = [];
    Object.assign(asking.media, {
      offerFor: ({ name }: { name: string }) => {
        offers.push(name);
        return { ok: true };
      },
    });
    const selection = await selectChannel(
      { ...ports, ledger },
      {
        ...asking,
        alongside: ({ channelId }) => {
          kept.push(channelId);
          return [];
        },
      },
    );
    assert.equal(selection.ok && selection.channel.channelId, 'gw1/2');
    assert.deepEqual(steps, [['gw1/1', 'gw1/2', 'gw1/4']]);
    assert.equal(kept.at(-1), 'gw1/2');
    assert.equal(offers.at(-1), 'gw1/2');
  });

  it('asks for a channel to transcode for only when none has a codec that passes as it is', async () => {
    const { ports, asked } = exchange(1);
    const asking = ask('a1');
    Object.assign(asking.media, { codecNeeds: { direct: ['PCMA'], transcoded: ['PCMU'], srtp: false } });
    assert.ok((await selectChannel(ports, asking)).ok);
    assert.ok(asked.every(({ codecs }) => codecs.join() === 'PCMA'));
    // The one channel that has PCMA is taken now.
    asked.length = 0;
    const none = await selectChannel(ports, asking);
    assert.equal(!none.ok && none.reason, 'no-channel');
    assert.deepEqual(
      asked.map(({ codecs }) => codecs.join()),
      ['PCMA', 'PCMA,PCMU'],
    );
  });

  it('says that there is no common codec only when nothing else stands in the way', async () => {
    const refusedFor = async (refused: Record<string, number>) => {
      const { ports } = exchange(0);
      const summary = { ...SUMMARY, refused };
      const routes = {
        ...ports.routes,
        decide: () => ({ best: undefined, candidates: [], summary, refusal: 'no-channel' as const }),
      };
      const selection = await selectChannel({ ...ports, routes }, ask('a1'));
      return !selection.ok && selection.reason;
    };
    assert.equal(await refusedFor({ 'no-common-codec': 2 }), 'no-common-codec');
    assert.equal(await refusedFor({ 'no-common-codec': 2, 'channel-busy': 1 }), 'no-channel');
    assert.equal(await refusedFor({}), 'no-channel');
  });

  it('says whose caps count the call, and to routing who calls', async () => {
    const { ports, reserved, asked } = exchange(1);
    const { request } = ask('a1');
    await selectChannel(ports, { ...ask('a1'), request: { ...request, agent: '201', account: 'acme' } });
    assert.deepEqual(reserved[0]?.payers, ['trunk:pbx', 'agent:pbx/201', 'account:acme']);
    assert.equal(reserved[0]?.direction, 'out');
    assert.equal(asked[0]?.agent, '201');
  });

  it('reserves nothing when there is no port, no common codec or no journal', async () => {
    const noPorts = exchange(2);
    noPorts.limitPorts(0);
    assert.deepEqual(await selectChannel(noPorts.ports, ask('a1')), {
      ok: false,
      reason: 'no-media-ports',
      decision: SUMMARY,
      limit: null,
    });
    const noCodec = exchange(2);
    const refused = await selectChannel(noCodec.ports, ask('a1', false));
    assert.equal(refused.ok, false);
    assert.equal(noCodec.taken.size, 0);
    const stalled = exchange(2);
    stalled.refusing.set('gw1/1', 'journal-stalled');
    const given = await selectChannel(stalled.ports, ask('a1'));
    assert.equal(!given.ok && given.reason, 'journal-stalled');
  });
});
