// For tests of a leg in its dialog: a dialog of drachtio-srf as far as the leg needs it, a peer that says what the test wants, and
// time that the test moves.
import assert from 'node:assert/strict';
import type { SessionTerms } from '../../call/call-request.js';
import type { Renegotiation, ReofferAnswer } from '../../call/ports.js';
import { ManualClock } from '../../lib/clock.js';
import { createLogger } from '../../lib/logger.js';
import { LegDialog } from '../leg-dialog.js';
import type { DialogSettings } from '../own-offers.js';
import type { ServerResponse, SipDialog, SipMessage, SipRequest, SipResponse } from '../srf.js';

const log = createLogger({ level: 'silent', redactNumbers: false });
export const ACCEPT: SessionTerms = { mode: 'accept', intervalSeconds: 1_800, minSeconds: 90 };

export type Headers = Readonly<Record<string, string>>;

function message(method: string, headers: Headers, body: string, rest: object = {}): SipMessage {
  const all = body === '' ? headers : { 'Content-Type': 'application/sdp', ...headers };
  return { method, body, get: (name: string) => all[name], source_address: '192.0.2.9', ...rest } as SipMessage;
}

export class DialogBench {
  readonly clock = new ManualClock();
  readonly told: string[] = [];
  readonly sent: {
    method: string;
    headers: Headers;
    body: string;
    answer(status: number, h?: Headers, b?: string): void;
  }[] = [];
  readonly renegotiations: Renegotiation[] = [];
  readonly leg: LegDialog;
  #cseq = 1;
  #peerCseq = 1;

  constructor(changes: Partial<DialogSettings> = {}, inviteHeaders: Headers = { Allow: 'INVITE, UPDATE' }) {
    const dialog = {
      local: { contact: '<sip:us@192.0.2.1>' },
      remote: { uri: 'sip:peer@192.0.2.9' },
      request: (
        options: { method: string; headers: Headers; body?: string },
        callback: (error: unknown, response?: SipResponse) => void,
      ) => {
        this.#cseq++;
        const req = message(options.method, { CSeq: `${this.#cseq} ${options.method}` }, '', { uri: 'sip:peer' });
        this.sent.push({
          ...{ method: options.method, headers: options.headers, body: options.body ?? '' },
          answer: (status, headers = {}, body = '') =>
            callback(
              status === 0 ? new Error('no dialog') : null,
              message('', headers, body, { status, req }) as SipResponse,
            ),
        });
      },
    } as unknown as SipDialog;
    const settings: DialogSettings = {
      ...{
        clock: this.clock,
        log,
        account: undefined,
        terms: ACCEPT,
        extensions: ['timer'],
        agreement: null,
        role: 'uac',
      },
      ...{ isServerOurs: true, ...changes },
    };
    this.leg = new LegDialog(dialog, message('INVITE', inviteHeaders, ''), settings, {
      renegotiated: (renegotiation) => this.renegotiations.push(renegotiation),
      refreshDue: () => this.told.push('refresh due'),
      sessionOver: () => this.told.push('session over'),
      identityChanged: () => this.told.push('identity'),
    });
  }

  /** A request of the peer; resolves with what it is answered with, as soon as there is something. */
  asks(
    method: string,
    body = '',
    headers: Headers = {},
  ): { status: number; headers: Headers; body: string; cseq: number } {
    this.#peerCseq++;
    const answer = { status: 0, headers: {} as Headers, body: '', cseq: this.#peerCseq };
    const request = message(method, { CSeq: `${this.#peerCseq} ${method}`, ...headers }, body) as SipRequest;
    const response = {
      send: (status: number, options: { headers?: Headers; body?: string }) =>
        Object.assign(answer, { status, headers: options.headers ?? {}, body: options.body ?? '' }),
    } as unknown as ServerResponse;
    this.leg.onRequest(request, response);
    return answer;
  }

  acks(cseq: number, body = ''): boolean {
    return this.leg.onAck(message('ACK', { CSeq: `${cseq} ACK` }, body));
  }

  offers(sdp = 'ours'): ReofferAnswer[] {
    const answers: ReofferAnswer[] = [];
    this.leg.reoffer(sdp, (answer) => answers.push(answer));
    return answers;
  }

  get last() {
    const last = this.sent.at(-1);
    assert.ok(last);
    return last;
  }
}
