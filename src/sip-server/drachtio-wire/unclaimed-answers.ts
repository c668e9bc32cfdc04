// A 2xx to an INVITE that nobody here has sent: an earlier process of ours was killed while its call rang. It is
// acknowledged and ended (RFC 3261 §13.2.2.4), for its sender would be in a call with nobody. drachtio-server drops it.
import { dialogKey } from '../dialog/dialog.js';
import { parseNameAddress, splitElements } from '../message/name-address.js';
import { newId } from '../message/random-tokens.js';
import type { SipMessage } from '../message/sip-message.js';
import type { TimerOwner } from '../timer-wheel.js';
import type { Flow } from '../transport/flow.js';
import { AppDialog } from './app-dialog.js';
import type { CoreContext } from './core-context.js';
import type { OwnRequests } from './own-requests.js';

/** More at once are dropped: so many calls ring on no machine of ours. */
const MOST_AT_ONCE = 10_000;

export class UnclaimedAnswers implements TimerOwner {
  readonly #context: CoreContext;
  readonly #own: OwnRequests;
  /** Those ended lately, in the order they came: their senders repeat the 2xx until our ACK arrives. */
  readonly #ended = new Map<string, AppDialog>();

  constructor(context: CoreContext, own: OwnRequests) {
    this.#context = context;
    this.#own = own;
  }

  /** False when it is no such answer. @param onNew called with the Call-ID of one that is ended now */
  take(response: SipMessage, flow: Flow, onNew: (callId: string) => void): boolean {
    const dialog = this.#dialogOf(response, flow);
    if (dialog === null) return false;
    const ended = this.#ended.get(dialog.key);
    if (ended !== undefined) {
      if (ended.lastAck !== null) this.#context.transport.send(ended.lastAck.bytes, ended.lastAck.flow);
      return true;
    }
    if (this.#ended.size >= MOST_AT_ONCE) return false;
    this.#ended.set(dialog.key, dialog);
    this.#context.wheel.after(64 * this.#context.timers.t1Ms, this, 'forget');
    this.#own.acknowledgeAndEnd(dialog, 'Nobody is left to take the call');
    onNew(dialog.origin.callId);
    return true;
  }

  /** The oldest has been there for as long as its sender repeats it. */
  onTimer(): void {
    for (const key of this.#ended.keys()) {
      this.#ended.delete(key);
      return;
    }
  }

  #dialogOf(response: SipMessage, flow: Flow): AppDialog | null {
    const { callId, cseq, from, to } = response;
    const isAnswer = response.status >= 200 && response.status < 300 && cseq?.method === 'INVITE';
    const localTag = from?.tag ?? '';
    const remoteTag = to?.tag ?? '';
    if (!isAnswer || localTag === '' || remoteTag === '') return null;
    // What a stranger forges must not have us send requests to whom it names.
    if (!this.#context.defence.knows(flow.address)) return null;
    // RFC 3261 §18.1.2: an answer to what we have never sent. Whoever forges one must not have us hang up on others.
    const { via } = response;
    const sentBy = via === null ? '' : `${via.host}${via.port === undefined ? '' : `:${via.port}`}`;
    if (!this.#context.transport.listeners.some((listener) => listener.sentBy === sentBy)) return null;
    // Of a call that we have proxied: it belongs to whoever sent the INVITE (RFC 6026 §8.9: it goes no further either).
    if (response.hasFurtherVias) return null;
    // Of a call that is up, its transaction forgotten: the peer repeats an answer that it has an ACK for.
    if (this.#context.dialogs.has(dialogKey(callId, localTag, remoteTag))) return null;
    const dialog = new AppDialog(
      {
        role: 'uac',
        method: 'INVITE',
        id: newId(),
        callId,
        localTag,
        remoteTag,
        localParty: response.value('from') ?? '',
        remoteParty: response.value('to') ?? '',
        localSeq: cseq.number,
        remoteSeq: null,
        remoteTarget: parseNameAddress(response.value('contact') ?? '')?.uri ?? to?.uri ?? null,
        routeSet: splitElements(response.values('record-route')).reverse(),
        contact: '',
        flow,
      },
      null,
    );
    dialog.ackSeq = cseq.number;
    return dialog;
  }
}
