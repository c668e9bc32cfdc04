// All dialogs, by the id that applications use and by the tags that peers use.
import type { SipMessage } from '../message/sip-message.js';
import { type Dialog, dialogKey } from './dialog.js';

export class DialogTable<D extends Dialog> {
  readonly #byId = new Map<string, D>();
  readonly #byTags = new Map<string, D>();

  get size(): number {
    return this.#byTags.size;
  }

  add(dialog: D): void {
    this.#byId.set(dialog.id, dialog);
    this.#byTags.set(dialog.key, dialog);
  }

  /** True when it was there. */
  remove(dialog: D): boolean {
    dialog.release();
    if (this.#byId.get(dialog.id) === dialog) this.#byId.delete(dialog.id);
    return this.#byTags.get(dialog.key) === dialog && this.#byTags.delete(dialog.key);
  }

  /**
   * The peer has ended it: it is no dialog for the peer any more, yet its application finds it for the ACK that it still owes
   * to the peer's 2xx (RFC 3261 §13.2.2.4). `remove` follows that ACK, or the end of the INVITE's transaction.
   */
  retire(dialog: D): void {
    this.#byTags.delete(dialog.key);
  }

  isRetired(dialog: D): boolean {
    return this.#byTags.get(dialog.key) !== dialog;
  }

  values(): Iterable<D> {
    return this.#byTags.values();
  }

  /** Lets applications find this one of several early dialogs under the id that they share. */
  prefer(dialog: D): void {
    this.#byId.set(dialog.id, dialog);
  }

  /** @param key as `dialogKey` makes it */
  has(key: string): boolean {
    return this.#byTags.has(key);
  }

  byId(id: string): D | undefined {
    return this.#byId.get(id);
  }

  /** @param key as `dialogKey` makes it */
  byKey(key: string): D | undefined {
    return this.#byTags.get(key);
  }

  /** The dialog that a request from a peer belongs to: its To tag is ours, its From tag the peer's. */
  ofRequest(request: SipMessage): D | undefined {
    return this.#byTags.get(dialogKey(request.callId, request.to?.tag ?? '', request.from?.tag ?? ''));
  }
}
