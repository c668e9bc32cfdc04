// Any history of faxes in a call: begun with one or with audio, turned to the other by either side, taken, refused or half taken by
// its peer. Whatever came before, each description of ours follows from the last one, and both sides end up in the same.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { violationsOfAnswer, violationsOfChange, violationsOfOffer } from '../sdp/answer-check-kit.js';
import { codecPolicy } from '../sdp/media-policy.js';
import type { CallMedia } from './call-media.js';
import { type RelayedMedia, readMedia, reinvite, relayed } from './call-media-kit.js';
import { gatewayTerms } from './call-test-kit.js';
import type { Side } from './reports.js';

const PASS = { ...codecPolicy(['PCMA', 'PCMU']), t38: 'pass' } as const;

/** What a side asks for, or is asked to refresh; and what its peer makes of a re-INVITE of ours that comes of it. */
interface Event {
  readonly side: Side;
  readonly wants: 'fax' | 'audio' | 'hold' | 'nothing' | 'refresh';
  readonly codec: 0 | 8;
  readonly peer: 'takes' | 'refuses' | 'drops the stream' | 'says nonsense';
}

const event: fc.Arbitrary<Event> = fc.record({
  side: fc.constantFrom<Side[]>('caller', 'callee'),
  wants: fc.constantFrom('fax', 'fax', 'audio', 'audio', 'hold', 'nothing', 'refresh'),
  codec: fc.constantFrom(0, 8),
  peer: fc.constantFrom('takes', 'takes', 'takes', 'refuses', 'drops the stream', 'says nonsense'),
});

interface Line {
  readonly type: 'audio' | 'image';
  readonly isOpen: boolean;
}

function linesOf(sdp: string): Line[] {
  return [...sdp.matchAll(/^m=(audio|image) (\d+) /gm)].map(([, type, port]) => {
    return { type: type as Line['type'], isOpen: port !== '0' };
  });
}

function write(lines: readonly Line[], codec: number, direction: string): string {
  const media = lines.flatMap(({ type, isOpen }) =>
    type === 'audio'
      ? [`m=audio ${isOpen ? 4_000 : 0} RTP/AVP ${codec}`, ...(isOpen ? [`a=${direction}`] : [])]
      : [`m=image ${isOpen ? 4_002 : 0} udptl t38`, ...(isOpen ? ['a=T38MaxBitRate:14400'] : [])],
  );
  return ['v=0', 'o=x 1 1 IN IP4 192.0.2.20', 's=-', 'c=IN IP4 192.0.2.20', 't=0 0', ...media, ''].join('\r\n');
}

/** The lines that a side's dialog has, with this stream open alone, in a line of its kind or in a new one. */
function open(lines: readonly Line[], type: Line['type']): Line[] {
  const closed = lines.map((line) => ({ ...line, isOpen: false }));
  const at = closed.findIndex((line) => line.type === type);
  return at === -1 ? [...closed, { type, isOpen: true }] : closed.with(at, { type, isOpen: true });
}

class History {
  readonly counts = { faxes: 0, ends: 0, refusals: 0 };
  readonly #media: CallMedia;
  readonly #remotes: RelayedMedia['remotes'];
  /** What each side was last told. */
  readonly #last = new Map<Side, string>();
  /** Sides that have refused a later description since. */
  readonly #refused = new Set<Side>();
  #peer: Event['peer'] = 'takes';
  #codec = 8;
  /** A peer has taken an offer and closed its stream: of that no side can make anything. */
  #isBroken = false;

  static async begin(start: Line['type']): Promise<History> {
    const read = readMedia(write([{ type: start, isOpen: true }], 8, 'sendrecv'), PASS, {
      udptl: true,
      transcodes: (from, to) => /^PCM[AU]$/.test(from) && /^PCM[AU]$/.test(to),
    });
    return new History(await relayed(read), start);
  }

  private constructor({ media, remotes }: RelayedMedia, start: Line['type']) {
    this.#media = media;
    this.#remotes = remotes;
    media.onReoffer((side, sdp, answered) => answered(this.#answer(side, sdp)));
    const offered = media.offerFor({ ...gatewayTerms('gw1'), media: PASS }, 'gw1/1');
    assert.ok(offered.ok);
    assert.ok(media.acceptAnswer(write([{ type: start, isOpen: true }], 8, 'sendrecv')).ok);
    this.#last.set('callee', offered.sdp);
    this.#last.set('caller', media.callerSdp ?? assert.fail());
  }

  feed({ side, wants, codec, peer }: Event): void {
    this.#peer = peer;
    this.#codec = codec;
    if (wants === 'refresh') this.#media.refresh(side);
    else this.#ask(side, wants, codec);
    this.#assertSame();
  }

  /** A re-INVITE of a side; `nothing`: without a description, and without an answer that could be used. */
  #ask(side: Side, wants: Event['wants'], codec: number): void {
    const before = this.#last.get(side) ?? assert.fail();
    const lines = open(linesOf(before), wants === 'fax' ? 'image' : 'audio');
    const offerSdp = wants === 'nothing' ? null : write(lines, codec, wants === 'hold' ? 'sendonly' : 'sendrecv');
    const { accepted, refused } = reinvite(this.#media, side, offerSdp);
    assert.equal(accepted.length + refused.length, 1);
    this.counts.refusals += refused.length;
    const [sdp] = accepted;
    if (sdp === undefined) return;
    if (offerSdp === null) assert.deepEqual(violationsOfOffer(sdp), []);
    else assert.deepEqual(violationsOfAnswer(sdp, offerSdp), [], `${offerSdp}\n${sdp}`);
    this.#tell(side, sdp);
    if (wants === 'fax') this.counts.faxes += 1;
    if (wants === 'audio') this.counts.ends += 1;
  }

  /** What a peer says to a re-INVITE of ours. */
  #answer(side: Side, offer: string): { status: number; sdp: string | null } {
    assert.deepEqual(violationsOfOffer(offer), [], offer);
    if (this.#peer === 'refuses') {
      this.#refused.add(side);
      return { status: 488, sdp: null };
    }
    this.#tell(side, offer);
    const lines = linesOf(offer);
    if (this.#peer === 'says nonsense') return { status: 200, sdp: 'nonsense' };
    if (this.#peer === 'drops the stream') {
      this.#isBroken = true;
      // Once only: it is asked for its audio again, and takes that.
      this.#peer = 'takes';
      return {
        status: 200,
        sdp: write(
          lines.map((line) => ({ ...line, isOpen: false })),
          8,
          'sendrecv',
        ),
      };
    }
    const held = [...(/^m=audio \d+ RTP\/AVP (.*?)\r?$/m.exec(offer)?.[1] ?? '').split(' ')].map(Number);
    const codec = held.includes(this.#codec) ? this.#codec : (held[0] ?? 8);
    return { status: 200, sdp: write(lines, codec, 'sendrecv') };
  }

  #tell(side: Side, sdp: string): void {
    const before = this.#last.get(side) ?? assert.fail();
    const versions = [before, sdp].map((text) => Number(/^o=- \d+ (\d+) /m.exec(text)?.[1]));
    const [old = 0, next = 0] = versions;
    assert.ok(next >= old, `${before}\n${sdp}`);
    // A version that was refused is not used for something else.
    const wrong = violationsOfChange(before, sdp).filter((text) => !this.#refused.has(side) || !/version/.test(text));
    assert.deepEqual(wrong, [], `${before}\n${sdp}`);
    if (next > old) this.#refused.delete(side);
    this.#last.set(side, sdp);
  }

  /** Both sides are in a fax, or both in audio: else one of them would speak into nothing. */
  #assertSame(): void {
    const [caller, callee] = [this.#remotes.get('caller'), this.#remotes.get('callee')];
    assert.equal(caller?.isUdptl, callee?.isUdptl);
    if (this.#isBroken) return;
    const isFax = ([...this.#last.values()] as string[]).map((sdp) => linesOf(sdp).find(({ isOpen }) => isOpen)?.type);
    if (this.#peer === 'takes') assert.equal(isFax[0], isFax[1], [...this.#last.values()].join('\n'));
  }
}

describe('any history of faxes', () => {
  for (const start of ['audio', 'image'] as const) {
    it(`has legal descriptions alone, and the same stream on both sides: begun with ${start}`, async () => {
      const counts = { faxes: 0, ends: 0, refusals: 0 };
      await fc.assert(
        fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 10 }), async (events) => {
          const history = await History.begin(start);
          for (const each of events) history.feed(each);
          for (const count of ['faxes', 'ends', 'refusals'] as const) counts[count] += history.counts[count];
        }),
        { numRuns: 150 },
      );
      assert.ok(counts.faxes > 30 && counts.ends > 30 && counts.refusals > 30, JSON.stringify(counts));
    });
  }
});
