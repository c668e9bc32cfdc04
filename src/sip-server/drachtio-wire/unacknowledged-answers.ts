// All our 2xx to INVITEs that wait for an ACK, and the ACKs on their way to the applications. RFC 3261 §13.3.1.4.
import { dialogKey } from '../dialog/dialog.js';
import { UnacknowledgedAnswer } from '../dialog/unacknowledged-answer.js';
import type { SipMessage } from '../message/sip-message.js';
import type { ServerTransaction } from '../transaction/server-transaction.js';
import type { Flow } from '../transport/flow.js';
import type { AppDialog } from './app-dialog.js';
import type { CoreContext } from './core-context.js';
import { ackMeta } from './meta.js';
import { requestText } from './request-text.js';

/** Ends a dialog from our side with BYE. */
export type EndDialog = (dialog: AppDialog, reason: string) => void;

export class UnacknowledgedAnswers {
  readonly #context: CoreContext;
  readonly #endDialog: EndDialog;
  /** By dialog key; hardly ever more than one. */
  readonly #answers = new Map<string, UnacknowledgedAnswer[]>();

  constructor(context: CoreContext, endDialog: EndDialog) {
    this.#context = context;
    this.#endDialog = endDialog;
  }

  /** @param ackTxnId TXN that the application gets with the ACK */
  await(dialog: AppDialog, transaction: ServerTransaction, ackTxnId: string): void {
    const { wheel, timers } = this.#context;
    const answer: UnacknowledgedAnswer = new UnacknowledgedAnswer(wheel, timers, transaction, ackTxnId, () => {
      this.#forget(dialog.key, answer);
      if (answer.giveUpAtTimeout) this.#endDialog(dialog, 'SIP;cause=200;text="ACK timeout"');
    });
    const answers = this.#answers.get(dialog.key);
    if (answers === undefined) this.#answers.set(dialog.key, [answer]);
    else answers.push(answer);
  }

  /** An ACK ends the repetition of its answer, and goes to the application once. */
  acknowledged(ack: SipMessage, flow: Flow): void {
    const dialog = this.#context.dialogs.ofRequest(ack);
    const key = dialog?.key ?? dialogKey(ack.callId, ack.to?.tag ?? '', ack.from?.tag ?? '');
    const answer = this.#answers.get(key)?.find((candidate) => candidate.cseqNumber === ack.cseq?.number);
    if (answer === undefined) {
      this.#context.counters.drop('no-transaction');
      return;
    }
    answer.stop();
    this.#forget(key, answer);
    if (dialog === undefined) return;
    const meta = ackMeta(ack.byteLength, flow);
    dialog.app?.send(`sip|${meta}|${answer.ackTxnId}|${dialog.id}|\r\n${requestText(ack, flow)}`);
  }

  /** The peer hung up: its ACK is not waited for any more. */
  stop(dialog: AppDialog): void {
    for (const answer of this.#answers.get(dialog.key) ?? []) answer.stop();
    this.#answers.delete(dialog.key);
  }

  /** Ends a dialog whose 2xx has no ACK yet; the 2xx is repeated still, for it must be acknowledged. */
  end(dialog: AppDialog, reason: string): void {
    const answers = this.#answers.get(dialog.key);
    if (answers === undefined) return;
    for (const answer of answers) answer.giveUpAtTimeout = false;
    this.#endDialog(dialog, reason);
  }

  #forget(key: string, answer: UnacknowledgedAnswer): void {
    const rest = (this.#answers.get(key) ?? []).filter((other) => other !== answer);
    if (rest.length === 0) this.#answers.delete(key);
    else this.#answers.set(key, rest);
  }
}
