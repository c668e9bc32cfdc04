// What the relay and the recorder are told of a call's two sides, and where the media of each may come from (semantics.md, "Who may
// send media").
import type { AudioStream, CodecSelection, FaxStream, SdpCodec } from '../sdp/description.js';
import type { GatewayTerms, TrunkTerms } from './call-request.js';
import { audioRemote, faxRemote, type MediaPeer, recordedOf } from './media-remote.js';
import type { MediaSession, PlayRequest, RecordingRequest } from './ports.js';
import type { Side } from './reports.js';

/** A description that was agreed on. */
export interface SideAudio {
  readonly audio: AudioStream;
  /** What the side may send, by our numbers. */
  readonly sent: CodecSelection;
  /** What it wants to be sent, where that is by numbers of its own; left out: the same. */
  readonly wanted?: CodecSelection;
  /** We have agreed to its RTCP on the port of its RTP. */
  readonly takesRtcpMux: boolean;
}

const NOBODY: MediaPeer = { signallingAddress: '', nat: 'off', mediaSources: [] };
const OURSELVES: MediaPeer = { ...NOBODY, isOurs: true };
/** Two beeps of 200 ms; ITU-T E.180 has 1,400 Hz at -10 dBm0 for warnings. */
const WARNING: PlayRequest = {
  source: { kind: 'tone', frequenciesHz: [1_400], cadenceMs: [200, 200, 200], levelDbm0: -10 },
  mode: 'mix',
};

export class RelayedSides {
  readonly #trunk: TrunkTerms;
  #session: MediaSession | null = null;
  #gateway: GatewayTerms | null = null;
  /** Where the signalling of the caller, or of who is in its place, comes from. */
  #callerAddress = NOBODY.signallingAddress;
  /** Where the gateway of the attempt under way answers from; the config does not know it of a line that registers. */
  #calleeAddress: string | null = null;
  /** In a side's place is another session of ours. */
  #ours: Readonly<Record<Side, boolean>> = { caller: false, callee: false };
  /** What each side may send. */
  readonly #sent: Record<Side, readonly SdpCodec[]> = { caller: [], callee: [] };
  readonly #silent: Record<Side, boolean> = { caller: false, callee: false };

  /** @param signallingAddress of the caller; null: it is another session of ours */
  constructor(trunk: TrunkTerms, signallingAddress: string | null) {
    this.#trunk = trunk;
    this.hearFrom('caller', signallingAddress);
  }

  get session(): MediaSession | null {
    return this.#session;
  }

  use(session: MediaSession): void {
    this.#session = session;
  }

  /** The callee is asked through this gateway from now on, and has not been heard yet. */
  attempt(gateway: GatewayTerms): void {
    this.#gateway = gateway;
    this.#calleeAddress = null;
    this.#ours = { ...this.#ours, callee: false };
  }

  /** What a side sends may come from there (null: from another session of ours alone); what is returned goes back. */
  hearFrom(side: Side, address: string | null): () => void {
    const [caller, callee, ours] = [this.#callerAddress, this.#calleeAddress, this.#ours];
    this.#ours = { ...ours, [side]: address === null };
    if (address !== null && side === 'caller') this.#callerAddress = address;
    if (address !== null && side === 'callee') this.#calleeAddress = address;
    return () => {
      this.#callerAddress = caller;
      this.#calleeAddress = callee;
      this.#ours = ours;
    };
  }

  setAudio(side: Side, { audio, sent, wanted = sent, takesRtcpMux }: SideAudio): void {
    const remote = audioRemote({ audio, sent, wanted, rtcpMux: audio.rtcpMux && takesRtcpMux }, this.#peer(side));
    this.#sent[side] = remote.codecs;
    this.#silent[side] = remote.isSilent === true;
    this.#session?.setRemote(side, remote);
  }

  setFax(side: Side, fax: FaxStream): void {
    this.#silent[side] = true;
    this.#session?.setRemote(side, faxRemote(fax, this.#peer(side)));
  }

  /** The next attempt starts unlearned. */
  forgetCallee(): void {
    this.#session?.clearRemote('callee');
  }

  /** A side has said that it sends nothing for now. */
  get isHeld(): boolean {
    return this.#silent.caller || this.#silent.callee;
  }

  /** Lays the warning tone over what a side hears. */
  warn(side: Side): void {
    this.#session?.play(side, WARNING);
  }

  /** Payload types for the recorder; `copiesAsG711`: the engine makes G.711 of whatever else there is. */
  recordedCodecs(copiesAsG711: boolean): RecordingRequest['codecs'] {
    return { caller: recordedOf(this.#sent.caller, copiesAsG711), callee: recordedOf(this.#sent.callee, copiesAsG711) };
  }

  #peer(side: Side): MediaPeer {
    if (this.#ours[side]) return OURSELVES;
    if (side === 'callee') {
      const { signallingAddress: configured, nat, mediaSources } = this.#gateway ?? NOBODY;
      return { signallingAddress: this.#calleeAddress ?? configured, nat, mediaSources };
    }
    const { nat, mediaSources } = this.#trunk;
    return { signallingAddress: this.#callerAddress, nat, mediaSources };
  }
}
