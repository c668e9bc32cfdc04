// A caller whose ICE an engine ends begins it anew (RFC 8839 §4.4.1.1.1): what it is answered the engine says only when it knows of
// that, so this one offer in mid-call waits for the engine (docs/decisions/rtpengine.md).
import type { LocalDescription } from '../sdp/description.js';
import type { MediaSession, Renegotiation } from './ports.js';

/** The media of the call, as the restart sees it. */
export interface RestartHost {
  readonly session: MediaSession | null;
  /** Takes the offer; what is answered follows from what was told before. */
  take(told: LocalDescription): string;
  /** As it was before. */
  goBack(): void;
}

export class IceRestart {
  #isUnderWay = false;

  get isUnderWay(): boolean {
    return this.#isUnderWay;
  }

  /** @param told what the caller was last told */
  answer(told: LocalDescription, host: RestartHost, request: Renegotiation): void {
    const { session } = host;
    this.#isUnderWay = true;
    host.take(told);
    const settled = (isSettled: boolean): void => {
      this.#isUnderWay = false;
      const transport = session?.local('caller').transport;
      if (isSettled && transport !== undefined) {
        request.accept(host.take({ ...told, audio: { ...told.audio, transport } }));
        return;
      }
      // RFC 3261 §14.1: as if it had never been asked.
      host.goBack();
      request.refuse(500);
    };
    void (session?.settled?.() ?? Promise.resolve(true)).then(settled, () => settled(false));
  }
}
