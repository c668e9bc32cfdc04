import assert from 'node:assert/strict';
import { answerChallenge } from '../digest/digest-client.js';
import { branch, Call, SDP, sipText, token } from '../sip-server/testing/sip-script.js';
import { SignallingArena } from './testing/signalling-arena.js';

const ACCOUNT = { username: 'pbx', password: 'open sesame' };
const DIGEST = new Map([['pbx', ACCOUNT]]);

describe('a trunk that proves who it is', () => {
  let arena: SignallingArena;

  afterEach(() => arena.close());

  /** An INVITE or another request, with or without an answer to a challenge. */
  function ask(method: string, { callId = token(), cseq = 1, headers = [] as readonly string[] } = {}): void {
    const { address, port } = arena.caller.local;
    arena.caller.send(
      sipText(
        `${method} sip:01012345678@127.0.0.1 SIP/2.0`,
        [
          `Via: SIP/2.0/UDP ${address}:${port};branch=${branch()}`,
          'From: <sip:pbx@pbx.example>;tag=a',
          'To: <sip:01012345678@127.0.0.1>',
          `Call-ID: ${callId}`,
          `CSeq: ${cseq} ${method}`,
          'Max-Forwards: 70',
          `Contact: <sip:pbx@127.0.0.1:${port}>`,
          ...headers,
        ],
        method === 'INVITE' ? SDP : '',
      ),
    );
  }

  /** Of this request, and not of an earlier one whose 401 comes again because nobody acknowledges it. */
  async function challenge(method: string, options: Parameters<typeof ask>[1] = {}): Promise<string> {
    const callId = options.callId ?? token();
    ask(method, { ...options, callId });
    const cseq = `${options.cseq ?? 1} ${method}`;
    const asked = await arena.caller.inbox.take(
      `401 to ${cseq}`,
      (message) => message.status === 401 && message.header('Call-ID') === callId && message.header('CSeq') === cseq,
    );
    return asked.header('WWW-Authenticate');
  }

  function credentials(challenges: string, method: string, account = ACCOUNT): readonly string[] {
    const request = { method, uri: 'sip:01012345678@127.0.0.1', body: '' };
    return [`Authorization: ${answerChallenge(challenges, request, account)?.credentials}`];
  }

  it('is asked, and its call goes on with the right answer', async () => {
    arena = await SignallingArena.open({ trunkAccounts: DIGEST });
    const callId = token();
    const challenges = await challenge('INVITE', { callId });
    assert.match(challenges, /^Digest realm="simtrunk", nonce="[\w-]+", algorithm=SHA-256, qop="auth"/);
    ask('INVITE', { callId, cseq: 2, headers: credentials(challenges, 'INVITE') });
    const { request, leg } = await arena.offered();
    assert.deepEqual([request.trunk.name, request.sipCallId], ['pbx', callId]);
    leg.refuse(486, undefined);
    await arena.caller.response(486, 'INVITE');
    const { challenged, credentialsRefused, invites } = arena.application.counters;
    assert.deepEqual([challenged, credentialsRefused, invites], [1, 0, 1]);
  });

  it('gets each algorithm in a line of its own', async () => {
    arena = await SignallingArena.open({ trunkAccounts: DIGEST });
    ask('INVITE');
    const { text } = await arena.caller.response(401, 'INVITE');
    assert.deepEqual(
      [...text.matchAll(/^WWW-Authenticate: Digest .*algorithm=([\w-]+)/gim)].map(([, algorithm]) => algorithm),
      ['SHA-256', 'MD5'],
    );
  });

  it('is asked again, with nothing said of why, when it brings the wrong password or an unknown name', async () => {
    arena = await SignallingArena.open({ trunkAccounts: DIGEST, sources: [], gateways: [] });
    for (const account of [
      { ...ACCOUNT, password: 'wrong' },
      { ...ACCOUNT, username: 'nobody' },
    ]) {
      const headers = credentials(await challenge('OPTIONS'), 'OPTIONS', account);
      assert.doesNotMatch(await challenge('OPTIONS', { headers }), /stale/);
    }
    assert.equal(arena.application.counters.credentialsRefused, 2);
  });

  it('is told that only the nonce was used up when an answer comes twice', async () => {
    arena = await SignallingArena.open({ trunkAccounts: DIGEST });
    const headers = credentials(await challenge('INVITE'), 'INVITE');
    ask('INVITE', { headers });
    (await arena.offered()).leg.refuse(486, undefined);
    await arena.caller.response(486, 'INVITE');
    assert.match(await challenge('INVITE', { headers }), /stale=true/);
  });

  it('with sources too is not let in from elsewhere, and is answered OPTIONS without proof', async () => {
    arena = await SignallingArena.open({ trunkAccounts: DIGEST });
    ask('OPTIONS');
    await arena.caller.response(200, 'OPTIONS');
    await arena.close();
    arena = await SignallingArena.open({ trunkAccounts: DIGEST, sources: ['127.0.0.9'] });
    new Call(arena.caller, arena.server.udp).invite();
    await arena.caller.response(403, 'INVITE');
  });

  it('without sources is known by its credentials alone, OPTIONS included', async () => {
    arena = await SignallingArena.open({ trunkAccounts: DIGEST, sources: [], gateways: [] });
    const callId = token();
    const challenges = await challenge('OPTIONS', { callId });
    ask('OPTIONS', { callId, cseq: 2, headers: credentials(challenges, 'OPTIONS') });
    await arena.caller.response(200, 'OPTIONS');
    ask('INVITE', { headers: credentials(await challenge('INVITE'), 'INVITE') });
    const { request, leg } = await arena.offered();
    assert.equal(request.trunk.name, 'pbx');
    leg.refuse(486, undefined);
  });
});
