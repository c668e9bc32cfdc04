// One call at the simulated gateway: from its INVITE to its record, as its callee behaves.
import { AudioStream } from './audio-stream.js';
import type { CalleeBehaviour } from './callee-behaviour.js';
import type { GatewayCallRecord, GatewayViolationKind } from './gateway-log.js';
import { type AudioDescription, type LabCodec, parseSdp, writeSdp } from './sdp-text.js';
import type { SipDialog, SipEndpoint } from './sip-endpoint.js';
import { headerOf } from './sip-text.js';
import type { ServerTransaction } from './sip-transaction.js';

/** What a call needs of its gateway. */
export interface GatewayCallHost {
  readonly endpoint: SipEndpoint;
  readonly codecs: readonly LabCodec[];
  /** RTP port for calls without media of their own. */
  readonly discardPort: number;
  violation(kind: GatewayViolationKind, sipCallId: string, user: string): void;
  ended(call: GatewayCall): void;
}

export class GatewayCall {
  readonly sipCallId: string;
  readonly #host: GatewayCallHost;
  readonly #invite: ServerTransaction;
  readonly #behaviour: CalleeBehaviour;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #invitedMs = Date.now();
  #ringingMs: number | null = null;
  #answeredMs: number | null = null;
  #answeredMonotonicMs = 0;
  #endedMs = 0;
  #talkedMs = 0;
  #status: number | null = null;
  #endedBy: 'gateway' | 'peer' | null = null;
  #over = false;
  #dialog: SipDialog | undefined;
  #stream: AudioStream | undefined;
  #offer: AudioDescription | undefined;
  #codec: LabCodec | undefined;

  constructor(
    host: GatewayCallHost,
    invite: ServerTransaction,
    readonly port: number,
    readonly number: string,
    behaviour: CalleeBehaviour,
  ) {
    this.#host = host;
    this.#invite = invite;
    this.#behaviour = behaviour;
    this.sipCallId = headerOf(invite.request, 'call-id');
  }

  /** What the callee heard; empty for a call without media of its own. */
  heard(): Int16Array {
    return this.#stream?.heard() ?? new Int16Array(0);
  }

  get isAnswered(): boolean {
    return this.#answeredMs !== null;
  }

  async begin(): Promise<void> {
    const { tries, ringsAfterMs, earlyMedia, final, says } = this.#behaviour;
    this.#invite.onCancel = () => this.#cancelled();
    if (tries) this.#invite.respond(100);
    const { body } = this.#invite.request;
    this.#offer = parseSdp(body);
    const offered = this.#offer?.codecs ?? this.#host.codecs;
    this.#codec = this.#host.codecs.find((codec) => offered.includes(codec));
    if (this.#codec === undefined || (body !== '' && this.#offer === undefined)) return this.#refuse(488);
    if (says !== undefined || earlyMedia !== undefined) {
      this.#stream = await AudioStream.open(this.#host.endpoint.address);
      // Cancelled meanwhile.
      if (this.#over) return this.#stream.close();
    }
    if (ringsAfterMs !== undefined) this.#after(ringsAfterMs, () => this.#ring());
    if (final !== undefined) {
      this.#after(final.afterMs, () => {
        if (final.status < 300) this.#answer();
        else this.#refuse(final.status, final.reason);
      });
    }
  }

  /** The callee hangs up, or the SIM loses its network: BYE after the answer, 480 before it. */
  async hangUp(): Promise<void> {
    const dialog = this.#dialog;
    if (dialog === undefined) this.#refuse(480);
    if (this.#over || dialog === undefined) return;
    this.#end('gateway');
    await dialog.request('BYE');
    dialog.end();
  }

  /** Stops timers and media without a word to the other side. */
  drop(): void {
    if (!this.#over) this.#end(null);
  }

  record(): GatewayCallRecord {
    return {
      sipCallId: this.sipCallId,
      port: this.port,
      number: this.number,
      invitedMs: this.#invitedMs,
      ringingMs: this.#ringingMs,
      answeredMs: this.#answeredMs,
      endedMs: this.#endedMs,
      status: this.#status,
      endedBy: this.#endedBy,
      talkedMs: Math.round(this.#talkedMs),
      billedSeconds: Math.ceil(this.#talkedMs / 1000),
      packetsHeard: this.#stream?.packetsHeard ?? 0,
      packetsSent: this.#stream?.packetsSent ?? 0,
    };
  }

  #ring(): void {
    if (this.#over || this.isAnswered) return;
    this.#ringingMs = Date.now();
    const { earlyMedia } = this.#behaviour;
    if (earlyMedia === undefined) {
      this.#invite.respond(180);
      return;
    }
    this.#invite.respond(183, { body: this.#localSdp() });
    this.#talk(earlyMedia);
  }

  #answer(): void {
    if (this.#over || this.isAnswered) return;
    const dialog = this.#host.endpoint.dialogOfCallee(this.#invite);
    this.#dialog = dialog;
    dialog.onRequest = (transaction) => this.#inDialog(transaction);
    this.#status = 200;
    this.#answeredMs = Date.now();
    this.#answeredMonotonicMs = performance.now();
    this.#invite.onAck = (came) => this.#acknowledged(came);
    this.#invite.respond(200, { body: this.#localSdp() });
    this.#talk(this.#behaviour.says);
  }

  #refuse(status: number, reason?: string): void {
    if (this.#over || this.isAnswered) return;
    this.#status = status;
    this.#invite.respond(status, reason === undefined ? {} : { headers: [['Reason', reason]] });
    this.#end('gateway');
  }

  #cancelled(): void {
    const reaction = this.#behaviour.onCancel ?? 'end';
    if (this.#over || this.isAnswered || reaction === 'ignore') return;
    if (reaction === 'answer') {
      this.#answer();
      return;
    }
    this.#status = 487;
    this.#invite.respond(487);
    this.#end('peer');
  }

  #acknowledged(came: boolean): void {
    if (this.#over) return;
    if (!came) {
      this.#host.violation('no-ack', this.sipCallId, `${this.port}#${this.number}`);
      void this.hangUp();
      return;
    }
    const { hangsUpAfterMs } = this.#behaviour;
    if (hangsUpAfterMs !== undefined) this.#after(hangsUpAfterMs, () => void this.hangUp());
  }

  #inDialog(transaction: ServerTransaction): void {
    if (transaction.request.method === 'INVITE') {
      const offer = parseSdp(transaction.request.body);
      if (offer !== undefined) this.#offer = offer;
      transaction.respond(200, { body: this.#localSdp() });
      if (this.#stream !== undefined) this.#send();
      return;
    }
    transaction.respond(200);
    if (transaction.request.method !== 'BYE' || this.#over) return;
    this.#end('peer');
    this.#dialog?.end();
  }

  #talk(samples: Int16Array | undefined): void {
    if (this.#stream === undefined) return;
    this.#stream.say(samples === undefined ? undefined : { samples, repeats: true });
    this.#send();
  }

  #send(): void {
    if (this.#offer !== undefined && this.#codec !== undefined) {
      this.#stream?.sendTo(this.#offer.address, this.#offer.port, this.#codec);
    }
  }

  #localSdp(): string {
    return writeSdp({
      address: this.#host.endpoint.address,
      port: this.#stream?.port ?? this.#host.discardPort,
      codecs: this.#offer === undefined ? this.#host.codecs : [this.#codec ?? 'PCMA'],
      eventPayloadType: this.#offer?.eventPayloadType,
    });
  }

  #after(delayMs: number, action: () => void): void {
    this.#timers.push(setTimeout(action, delayMs));
  }

  #end(by: 'gateway' | 'peer' | null): void {
    this.#over = true;
    this.#endedBy = by;
    this.#endedMs = Date.now();
    if (this.isAnswered) this.#talkedMs = performance.now() - this.#answeredMonotonicMs;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#stream?.close();
    this.#host.ended(this);
  }
}
