// An application on the admin port that answers whatever it is offered, and calls the peer. It opens calls with those alone
// whose Contact is the peer's own, so that the server never has cause to send anything elsewhere.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const VERBS = 'invite register options info message subscribe notify refer publish'.split(' ');
const SDP = 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n';

/** The tag of every answer: a peer that knows it gets into dialogs. */
export const APPLICATION_TAG = 'app';

export class FuzzApplication {
  readonly #socket: Socket;
  readonly #contact: string;
  /** Calls by Call-ID and From tag: with one tag of its own it can have each but once at a time. */
  readonly #calls = new Set<string>();
  /** All that it has ever had. */
  readonly #everyCall = new Set<string>();
  #rest = '';

  private constructor(socket: Socket, peerContact: string) {
    this.#socket = socket;
    this.#contact = peerContact;
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => this.#read(chunk.toString('latin1')));
  }

  static async open(port: number, host: string, secret: string, peerContact: string): Promise<FuzzApplication> {
    const socket = connect(port, host);
    await once(socket, 'connect');
    const application = new FuzzApplication(socket, peerContact);
    application.#send(`authenticate|${secret}|`);
    for (const verb of VERBS) application.#send(`route|${verb}`);
    return application;
  }

  /** Sends an OPTIONS to the peer. */
  call(uri: string): void {
    this.#send(`sip||\r\nOPTIONS ${uri} SIP/2.0\r\nSubject: fuzz\r\n\r\n`);
  }

  /** Ends whatever call may be up: a damaged answer to its BYE can leave one. */
  hangUp(): void {
    for (const call of this.#everyCall) this.#send(`sip||${call}\r\nBYE sip:placeholder SIP/2.0\r\n\r\n`);
  }

  close(): void {
    this.#socket.destroy();
  }

  #send(message: string): void {
    const payload = `${randomUUID()}|${message}`;
    this.#socket.write(`${payload.length}#${payload}`, 'latin1');
  }

  #read(text: string): void {
    this.#rest += text;
    for (;;) {
      const hash = this.#rest.indexOf('#');
      if (hash === -1) return;
      const end = hash + 1 + Number(this.#rest.slice(0, hash));
      if (this.#rest.length < end) return;
      this.#receive(this.#rest.slice(hash + 1, end));
      this.#rest = this.#rest.slice(end);
    }
  }

  #receive(payload: string): void {
    const leaderEnd = payload.indexOf('\r\n');
    const leader = payload.slice(0, leaderEnd).split('|');
    if (leaderEnd === -1 || leader[1] !== 'sip') return;
    const request = payload.slice(leaderEnd + 2);
    const [method] = request.split(' ', 1);
    const txn = leader[8] ?? '';
    const dialog = leader[9] ?? '';
    if (/^cseq[^\r]*\sBYE/im.test(request)) this.#calls.delete(dialog);
    if (leader[2] !== 'network') return;
    if (method === 'ACK') this.#send(`sip||${dialog}\r\nBYE sip:placeholder SIP/2.0\r\n\r\n`);
    else if (method === 'INVITE') this.#answerInvite(txn, request);
    else if (method === 'SUBSCRIBE') this.#answer(txn, '403 No subscriptions here');
    else if (method !== undefined && !/^(?:SIP\/2\.0|CANCEL)$/.test(method)) this.#answer(txn, '200 OK');
  }

  #answerInvite(txn: string, invite: string): void {
    const contacts = invite.match(/^(?:contact|m)[ \t]*:[^\r]*/gim) ?? [];
    const isFromPeer = contacts.length === 1 && contacts[0]?.endsWith(this.#contact) === true;
    const callId = /^(?:call-id|i)[ \t]*:[ \t]*([^\s]+)\r$/im.exec(invite)?.[1];
    const fromTag = /^(?:from|f)[ \t]*:[^\r]*>[ \t]*;[ \t]*tag[ \t]*=[ \t]*([a-z]+)[ \t]*\r$/im.exec(invite)?.[1];
    const call = `${callId};from-tag=${fromTag}`;
    const isReadable = callId !== undefined && fromTag !== undefined && !this.#calls.has(call);
    if (!isFromPeer || !isReadable || /^record-route/im.test(invite)) {
      this.#answer(txn, '486 Busy');
      return;
    }
    this.#calls.add(call);
    this.#everyCall.add(call);
    this.#answer(txn, '180 Ringing');
    this.#answer(txn, '200 OK', SDP);
  }

  #answer(txn: string, statusLine: string, body = ''): void {
    const to = `To: <sip:fuzz@localhost>;tag=${APPLICATION_TAG}`;
    this.#send(`sip|${txn}|\r\nSIP/2.0 ${statusLine}\r\n${to}\r\n\r\n${body}`);
  }
}
