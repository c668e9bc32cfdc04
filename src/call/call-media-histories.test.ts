// Any history of a call's descriptions: offers with and without SDP, gateways that answer early and late, attempts that fail,
// re-INVITEs of either side. Whatever came before, each answer of ours is legal for its own offer.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { violationsOfAnswer, violationsOfChange, violationsOfOffer } from '../sdp/answer-check-kit.js';
import { CODEC_NAMES, isCompanion } from '../sdp/codecs.js';
import type { CodecSelection } from '../sdp/description.js';
import { canJoin } from '../sdp/format-parameters.js';
import { codecPolicy, type MediaPolicy } from '../sdp/media-policy.js';
import { readOffer } from '../sdp/read-description.js';
import { gatewayAnswerTo, gatewayArbitrary, offerArbitrary, policyArbitrary } from '../sdp/sdp-arbitraries.js';
import type { CallMedia } from './call-media.js';
import { type RelayedMedia, readMedia, reinvite, relayed } from './call-media-kit.js';
import { gatewayTerms } from './call-test-kit.js';
import type { MediaCapabilities, MediaCodec, MediaRemote } from './ports.js';
import type { Side } from './reports.js';

type GatewayFacts = typeof gatewayArbitrary extends fc.Arbitrary<infer T> ? T : never;

type Event =
  | { readonly type: 'attempt'; readonly policy: MediaPolicy }
  | { readonly type: 'answer'; readonly facts: GatewayFacts }
  | { readonly type: 'acknowledge'; readonly facts: GatewayFacts }
  | { readonly type: 'fail' }
  | { readonly type: 'reinvite'; readonly side: Side; readonly offer: string }
  | { readonly type: 'succeed'; readonly side: Side; readonly offer: string; readonly isTaken: boolean }
  | { readonly type: 'invite'; readonly side: Side; readonly facts: GatewayFacts; readonly isTaken: boolean }
  | {
      readonly type: 'ask' | 'refresh';
      readonly side: Side;
      readonly facts: GatewayFacts;
      readonly isRefused: boolean;
    };

const side = fc.constantFrom<Side[]>('caller', 'callee');
const isRefused = fc.constantFrom(false, false, false, true);
const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ type: fc.constant('attempt' as const), policy: policyArbitrary }),
  fc.record({ type: fc.constant('answer' as const), facts: gatewayArbitrary }),
  fc.record({ type: fc.constant('answer' as const), facts: gatewayArbitrary }),
  fc.record({ type: fc.constant('acknowledge' as const), facts: gatewayArbitrary }),
  fc.record({ type: fc.constant('fail' as const) }),
  fc.record({ type: fc.constant('reinvite' as const), side, offer: offerArbitrary }),
  fc.record({ type: fc.constant('succeed' as const), side, offer: offerArbitrary, isTaken: fc.boolean() }),
  fc.record({ type: fc.constant('invite' as const), side, facts: gatewayArbitrary, isTaken: fc.boolean() }),
  fc.record({ type: fc.constant('ask' as const), side, facts: gatewayArbitrary, isRefused }),
  fc.record({ type: fc.constant('refresh' as const), side, facts: gatewayArbitrary, isRefused }),
);

const ANY = codecPolicy(CODEC_NAMES);
/** Of a caller, a trunk and a channel that chance has drawn, most have nothing in common; of every other history some codec. */
const beginnings = fc.oneof(
  fc.record({ offer: fc.option(offerArbitrary), trunk: policyArbitrary, channel: policyArbitrary }),
  fc.record({
    offer: offerArbitrary,
    trunk: fc.constant(ANY),
    channel: fc.constant(ANY),
    answer: fc.record({ type: fc.constant('answer' as const), facts: gatewayArbitrary }),
  }),
);

const TRANSCODERS: Readonly<Record<string, MediaCapabilities['transcodes']>> = {
  none: () => false,
  relay: (from, to) => /^PCM[AU]$/.test(from) && /^PCM[AU]$/.test(to),
  engine: () => true,
};

/** Formats of our description, as a peer reads them. */
function formatsIn(sdp: string): CodecSelection {
  const read = readOffer(sdp);
  assert.ok(read.ok, sdp);
  return read.offer.audio;
}

/** A peer's answer to an offer of ours: to its audio, if it wants any, between the lines that are refused (RFC 3264 §6). */
function peerAnswerTo(offer: string, facts: GatewayFacts, isRefused = false): string {
  const [session = '', audio = ''] = gatewayAnswerTo(formatsIn(offer), facts).split(/(?=^m=)/m);
  const lines = offer.match(/^m=.*\r\n/gm) ?? [];
  const answered = (line: string) => (isRefused || /^m=\S+ 0 /.test(line) ? line.replace(/ \d+ /, ' 0 ') : audio);
  return session + lines.map(answered).join('');
}

const STEPS = ['answered', 'reinvited', 'taken', 'dropped', 'invited'] as const;

class History {
  readonly counts = { answered: 0, reinvited: 0, taken: 0, dropped: 0, invited: 0 };
  readonly #media: CallMedia;
  readonly #callerOffer: string | null;
  readonly #transcodes: MediaCapabilities['transcodes'];
  readonly #remotes: RelayedMedia['remotes'];
  /** What each side was last sent in its dialog. */
  readonly #last = new Map<Side, string>();
  #isAcknowledged: boolean;
  #firstToCaller: string | null = null;
  /** The caller has its 200: no gateway answers anew, no attempt fails. */
  #isConnected = false;
  /** A gateway has answered twice; its first codec may then be another than the caller's. */
  #hasWavered = false;

  static async begin(offer: string | null, trunk: MediaPolicy, transcodes: MediaCapabilities['transcodes']) {
    const read = readMedia(offer, trunk, { recorded: false, transcodes });
    return read.ok ? new History(await relayed(read), offer, transcodes) : null;
  }

  private constructor(
    { media, remotes }: RelayedMedia,
    offer: string | null,
    transcodes: MediaCapabilities['transcodes'],
  ) {
    this.#media = media;
    this.#remotes = remotes;
    this.#callerOffer = offer;
    this.#transcodes = transcodes;
    this.#isAcknowledged = offer !== null;
  }

  feed(event: Event): void {
    switch (event.type) {
      case 'attempt':
        this.#attempt(event.policy);
        return;
      case 'answer':
        this.#answer(event.facts);
        return;
      case 'acknowledge':
        this.#acknowledge(event.facts);
        return;
      case 'fail':
        if (this.#isConnected) return;
        this.#media.forgetCallee();
        this.#last.delete('callee');
        this.#remotes.delete('callee');
        return;
      case 'reinvite':
        this.#reinvite(event.side, event.offer);
        return;
      case 'succeed':
        this.#succeed(event);
        return;
      case 'invite':
        this.#invite(event);
        return;
      case 'ask':
        this.#ask(event);
        return;
      case 'refresh':
        this.#refresh(event);
        return;
    }
  }

  #attempt(policy: MediaPolicy): void {
    // A call has one attempt at a time, and none after its answer.
    if (this.#media.calleeSdp !== null) return;
    const { direct, transcoded } = this.#media.codecNeeds;
    const offered = this.#media.offerFor({ ...gatewayTerms('gw1'), media: policy }, 'gw1/1');
    // What the router asks of a channel is what an offer needs.
    const isEligible = [...direct, ...transcoded].some((name) => policy.codecs.includes(name));
    assert.equal(offered.ok, isEligible);
    if (!offered.ok) return;
    assert.deepEqual(violationsOfOffer(offered.sdp), []);
    for (const { name } of formatsIn(offered.sdp).codecs) assert.ok(policy.codecs.some(isNameOf(name)), name);
    this.#last.set('callee', offered.sdp);
  }

  #answer(facts: GatewayFacts): void {
    const offer = this.#media.calleeSdp;
    if (offer === null || this.#isConnected) return;
    const accepted = this.#media.acceptAnswer(peerAnswerTo(offer, facts));
    const { callerSdp } = this.#media;
    if (!accepted.ok) return;
    this.counts.answered += 1;
    assert.ok(callerSdp !== null);
    if (this.#callerOffer === null) assert.deepEqual(violationsOfOffer(callerSdp), []);
    else assert.deepEqual(violationsOfAnswer(callerSdp, this.#callerOffer), [], `${this.#callerOffer}\n${callerSdp}`);
    // The first SDP that the caller was sent stays its answer.
    this.#firstToCaller ??= callerSdp;
    assert.equal(callerSdp, this.#firstToCaller);
    if (!this.#last.has('caller')) this.#last.set('caller', callerSdp);
    this.#hasWavered ||= this.counts.answered > 1;
    this.#assertRelayed();
  }

  #acknowledge(facts: GatewayFacts): void {
    const offer = this.#last.get('caller');
    if (this.#isAcknowledged || offer === undefined) return;
    this.#isAcknowledged = this.#media.acceptLateAnswer(peerAnswerTo(offer, facts)).ok;
    if (this.#isAcknowledged) this.#assertRelayed();
  }

  #reinvite(at: Side, offer: string): void {
    const before = this.#last.get(at);
    const { accepted, refused } = reinvite(this.#media, at, offer);
    assert.equal(accepted.length + refused.length, 1);
    const [answer] = accepted;
    if (answer === undefined) return;
    this.counts.reinvited += 1;
    assert.deepEqual(violationsOfAnswer(answer, offer), [], `${offer}\n${answer}`);
    if (before !== undefined) {
      const changes = violationsOfChange(before, answer).filter((text) => text !== 'fewer m-lines');
      assert.deepEqual(changes, []);
    }
    // Asked the same again, it says the same.
    assert.deepEqual(reinvite(this.#media, at, offer).accepted, [answer]);
    this.#last.set(at, answer);
    this.#assertRelayed();
  }

  /** Somebody else takes a side's place, or does not. */
  #succeed({ side: at, offer, isTaken }: Extract<Event, { type: 'succeed' }>): void {
    if (this.counts.answered === 0 || !this.#isAcknowledged || !this.#media.isCalleeAnswered) return;
    this.#isConnected = true;
    const remotes = new Map(this.#remotes);
    const answer = this.#media.answerSuccessor(at, offer, '192.0.2.30');
    if (answer === null) {
      assert.deepEqual(reinvite(this.#media, at, offer).refused, [488], 'the side itself could not have it either');
      return;
    }
    assert.deepEqual(violationsOfAnswer(answer.sdp, offer), [], `${offer}\n${answer.sdp}`);
    assert.deepEqual(reinvite(this.#media, at, offer).refused, [491]);
    if (isTaken) {
      answer.adopt();
      this.#last.set(at, answer.sdp);
      this.#assertRelayed();
      this.counts.taken += 1;
    } else {
      answer.drop();
      assert.deepEqual(this.#remotes, remotes, 'nobody has come, so nothing has changed');
      this.counts.dropped += 1;
    }
  }

  /** Somebody who has made no offer is to take a side's place, and answers ours, or does not. */
  #invite({ side: at, facts, isTaken }: Extract<Event, { type: 'invite' }>): void {
    if (this.counts.answered === 0 || !this.#isAcknowledged || !this.#media.isCalleeAnswered) return;
    this.#isConnected = true;
    const remotes = new Map(this.#remotes);
    const offer = this.#media.offerForSuccessor(at);
    assert.ok(offer !== null);
    assert.deepEqual(violationsOfOffer(offer.sdp), []);
    assert.deepEqual(this.#remotes, remotes, 'an offer changes nothing');
    if (!isTaken) return;
    const answer = offer.answered(peerAnswerTo(offer.sdp, facts), null);
    if (answer === null) return;
    answer.adopt();
    assert.deepEqual(violationsOfChange(offer.sdp, answer.sdp), []);
    this.#last.set(at, answer.sdp);
    this.#assertRelayed();
    this.counts.invited += 1;
  }

  /** A re-INVITE without SDP: the peer answers our offer in its ACK. */
  #ask({ side: at, facts, isRefused }: Extract<Event, { type: 'ask' | 'refresh' }>): void {
    // Before the 200 no re-INVITE may come, and an UPDATE has an offer always (RFC 3311 §5.1).
    if (this.counts.answered === 0 || !this.#isAcknowledged || !this.#media.isCalleeAnswered) return;
    this.#isConnected = true;
    let answered: ((sdp: string | null) => void) | undefined;
    const { accepted } = reinvite(this.#media, at, null, (listener) => {
      answered = listener;
    });
    const [offer] = accepted;
    if (offer === undefined) return;
    assert.deepEqual(violationsOfOffer(offer), []);
    const before = this.#last.get(at);
    if (before !== undefined) assert.deepEqual(violationsOfChange(before, offer), []);
    this.#last.set(at, offer);
    const answer = peerAnswerTo(offer, facts, isRefused);
    answered?.(answer);
    this.#assertHeard(at, offer, answer);
    this.#assertRelayed();
  }

  /** A re-INVITE of ours that changes nothing, which the peer may answer otherwise than before. */
  #refresh({ side: at, facts, isRefused }: Extract<Event, { type: 'ask' | 'refresh' }>): void {
    if (this.counts.answered === 0 || !this.#isAcknowledged || !this.#media.isCalleeAnswered) return;
    this.#isConnected = true;
    const told = this.#last.get(at);
    let asked = 0;
    let answer = '';
    this.#media.onReoffer((side, sdp, answered) => {
      asked += 1;
      assert.equal(side, at);
      // Only when the answer cannot be used it asks again, for what can.
      if (asked === 1) assert.equal(sdp, told);
      assert.ok(asked <= 2);
      this.#last.set(at, sdp);
      answer = peerAnswerTo(sdp, facts, isRefused);
      answered({ status: 200, sdp: answer });
    });
    this.#media.refresh(at);
    this.#assertHeard(at, this.#last.get(at) ?? '', answer);
    // Asked again it may have answered with nothing that can be used, and goes on with what it said first.
    this.#hasWavered ||= asked > 1;
    this.#assertRelayed();
  }

  /** A side sends by its last answer to our offer, and the relay takes that: what was answered before is past (RFC 3264 §7). */
  #assertHeard(at: Side, offer: string, answer: string): void {
    const offered = formatsIn(offer).codecs;
    const answered = readOffer(answer);
    // A stream that is refused in mid-call leaves the call as it was.
    if (!answered.ok) return;
    const first = answered.offer.audio.codecs.find((codec) => offered.some((own) => canJoin(codec, own)));
    const [heard] = this.#remotes.get(at)?.codecs ?? [];
    if (first !== undefined)
      assert.ok(heard !== undefined && canJoin(heard, first), 'the relay goes by what a side says');
  }

  /** The first codec of either side reaches the other one, as it is or transcoded: nobody talks into nothing. */
  #assertRelayed(): void {
    const caller = this.#remotes.get('caller');
    const callee = this.#remotes.get('callee');
    if (caller === undefined || callee === undefined || !this.#isAcknowledged) return;
    for (const remote of [caller, callee]) {
      const numbers = remote.codecs.map(({ payloadType }) => payloadType);
      assert.equal(new Set(numbers).size, numbers.length, 'one number, one meaning');
    }
    const reaches = (from: MediaRemote, to: MediaRemote) => {
      const isAudio = (codec: MediaCodec) => !isCompanion(codec);
      const [codec] = from.codecs.filter(isAudio);
      return (to.sentCodecs ?? to.codecs)
        .filter(isAudio)
        .some((other) => codec !== undefined && (canJoin(codec, other) || this.#transcodes(codec.name, other.name)));
    };
    assert.ok(reaches(caller, callee), 'what the caller says reaches the gateway');
    if (!this.#hasWavered) assert.ok(reaches(callee, caller), 'what the gateway says reaches the caller');
  }
}

function isNameOf(name: string): (other: string) => boolean {
  return (other) => other.toLowerCase() === name.toLowerCase();
}

describe('any history of descriptions', () => {
  for (const [name, transcodes] of Object.entries(TRANSCODERS)) {
    it(`has legal answers only, which stay what they are when asked again: transcoder ${name}`, async () => {
      const histories = { answered: 0, reinvited: 0, taken: 0, dropped: 0, invited: 0 };
      await fc.assert(
        fc.asyncProperty(
          beginnings,
          fc.array(event, { minLength: 3, maxLength: 12 }),
          async ({ offer, trunk, channel, ...talking }, events) => {
            const history = await History.begin(offer, trunk, transcodes);
            if (history === null) return;
            history.feed({ type: 'attempt', policy: channel });
            if ('answer' in talking) history.feed(talking.answer);
            for (const each of events) history.feed(each);
            for (const step of STEPS) histories[step] += Math.sign(history.counts[step]);
          },
        ),
        { numRuns: 300 },
      );
      // Some two hundred histories are answered and about fifty come to a re-INVITE; in more than twenty each a successor takes our
      // answer, leaves it, or answers our offer.
      const { answered, reinvited, taken, dropped, invited } = histories;
      assert.ok(answered > 120 && reinvited >= 20, `of 300: ${JSON.stringify(histories)}`);
      assert.ok(Math.min(taken, dropped, invited) >= 3, `of 300: ${JSON.stringify(histories)}`);
    });
  }
});
