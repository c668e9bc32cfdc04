// What peers say in a dialog beside offers: messages (INFO, MESSAGE, NOTIFY) and transfers (REFER, Replaces), as roles.
// Adapters implement these; ports.ts has the legs that tell of them.

/** A request of ours in a dialog; `headers` go out as they stand. */
export interface DialogMessage {
  readonly method: 'INFO' | 'MESSAGE' | 'REFER' | 'NOTIFY';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

/** A request of a peer in a dialog, to be answered once; `headers` are those that describe its body. */
export interface PeerMessage extends DialogMessage {
  /** In lower case, without parameters; null when there is no body, or it does not say. */
  readonly contentType: string | null;
  answer(status: number, headers?: Readonly<Record<string, string>>): void;
}

/** Told the final status; 408 when none came, 481 without a dialog. */
export type MessageAnswered = (status: number) => void;

/** A dialog as the Replaces header names it (RFC 3891 §3), seen from the one who is to give it up: from us. */
export interface DialogName {
  readonly callId: string;
  /** Its `to-tag`. */
  readonly localTag: string;
  /** Its `from-tag`. */
  readonly remoteTag: string;
  /** Only while it is not answered yet. */
  readonly isEarlyOnly?: boolean;
}

/** A REFER (RFC 3515): a peer wants the other side of its call to be connected with somebody else. */
export interface Referral {
  readonly target: ReferTarget;
  /** The dialog whose place the target's new call takes; null for a blind transfer. */
  readonly replaces: DialogName | null;
  /** Who refers, as the REFER says it (RFC 3892). */
  readonly referredBy: string | null;
  /** 202. */
  accept(): void;
  refuse(status: number): void;
  /**
   * Tells of the call that was asked for, by the status of its last response, unless the peer wants to hear nothing (RFC 4488). A
   * final one is the last word; after the peer's BYE nothing is told.
   */
  progress(status: number): void;
}

export interface ReferTarget {
  /** SIP or TEL URI, without headers. */
  readonly uri: string;
  readonly user: string;
  /** `here`: a number that we are asked to call; `peer`: somebody at the peer that refers. */
  readonly place: 'here' | 'peer';
}
