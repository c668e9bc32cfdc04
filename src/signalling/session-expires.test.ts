import assert from 'node:assert/strict';
import type { SessionTerms } from '../call/call-request.js';
import { answerSession, askForSession, readMinSe, type SessionAgreement, sessionOf } from './session-expires.js';
import type { SipMessage } from './srf.js';

const ACCEPT: SessionTerms = { mode: 'accept', intervalSeconds: 1_800, minSeconds: 90 };
const REQUEST: SessionTerms = { ...ACCEPT, mode: 'request' };
const OFF: SessionTerms = { ...ACCEPT, mode: 'off' };
const OURS: SessionAgreement = { seconds: 600, weRefresh: true };
const THEIRS: SessionAgreement = { seconds: 600, weRefresh: false };

function message(headers: Record<string, string>): SipMessage {
  return { get: (name: string) => headers[name] } as unknown as SipMessage;
}

describe('the answer to a peer that speaks of session timers', () => {
  const rows: readonly [
    string,
    SessionTerms,
    Record<string, string>,
    SessionAgreement | null,
    string | undefined,
    boolean,
  ][] = [
    // what, our terms, its request, what held before, our Session-Expires, Require: timer
    [
      'takes what it asks for and leaves the refreshing to it',
      ACCEPT,
      asks('3600', 'timer'),
      null,
      '3600;refresher=uac',
      true,
    ],
    [
      'takes its own choice of who refreshes',
      ACCEPT,
      asks('3600;refresher=uas', 'timer'),
      null,
      '3600;refresher=uas',
      false,
    ],
    ['refreshes for one that does not know of timers', ACCEPT, asks('3600'), null, '3600;refresher=uas', false],
    [
      'takes one that wants to refresh for one that can',
      ACCEPT,
      asks('3600;refresher=uac'),
      null,
      '3600;refresher=uac',
      true,
    ],
    ['asks for nothing by itself', ACCEPT, { Supported: 'timer' }, null, undefined, false],
    ['asks for it in every call where that is set', REQUEST, {}, null, '1800;refresher=uas', false],
    ['shortens what is too long for it', REQUEST, asks('7200', 'timer'), null, '1800;refresher=uac', true],
    [
      'shortens to no less than the peer can bear',
      REQUEST,
      { ...asks('7200', 'timer'), 'Min-SE': '3600' },
      null,
      '3600;refresher=uac',
      true,
    ],
    ['says nothing where timers are off', OFF, asks('3600', 'timer'), null, undefined, false],
    ['keeps the roles when a refresh names none', ACCEPT, asks('600', 'timer'), OURS, '600;refresher=uas', false],
    ['keeps them the other way round, too', ACCEPT, asks('600', 'timer'), THEIRS, '600;refresher=uac', true],
    ['takes any re-INVITE for a refresh', ACCEPT, { Supported: 'timer' }, THEIRS, '600;refresher=uac', true],
    ['takes the refreshing over from one that says no more of timers', ACCEPT, {}, THEIRS, '600;refresher=uas', false],
    ['tells a proxy that asks for too little that there is no timer', ACCEPT, asks('60'), null, undefined, false],
    ['reads the compact form', ACCEPT, { x: '3600', Supported: 'timer' }, null, '3600;refresher=uac', true],
    ['takes what it cannot read for nothing', ACCEPT, asks('soon', 'timer'), null, undefined, false],
  ];
  for (const [what, terms, headers, current, expected, requires] of rows) {
    it(what, () => {
      const answer = answerSession(message(headers), terms, current);
      assert.ok(answer.ok);
      assert.equal(answer.headers['Session-Expires'], expected);
      assert.equal(answer.headers.Require, requires ? 'timer' : undefined);
      assert.deepEqual(answer.agreement, agreementIn(expected));
    });
  }

  it('refuses too little to one that knows how to take that', () => {
    assert.deepEqual(answerSession(message(asks('60', 'timer')), ACCEPT), { ok: false, minSeconds: 90 });
    assert.deepEqual(answerSession(message({ ...asks('60'), Require: 'Timer' }), ACCEPT), {
      ok: false,
      minSeconds: 90,
    });
  });
});

describe('our own requests that speak of session timers', () => {
  it('ask in a first INVITE only where that is set, and leave the roles to the peer', () => {
    assert.deepEqual(askForSession(ACCEPT, null), {});
    assert.deepEqual(askForSession(REQUEST, null), { 'Session-Expires': '1800' });
    assert.deepEqual(askForSession({ ...REQUEST, minSeconds: 120 }, null), {
      'Session-Expires': '1800',
      'Min-SE': '120',
    });
  });

  it('keep interval and roles in a refresh', () => {
    assert.deepEqual(askForSession(ACCEPT, OURS), { 'Session-Expires': '600;refresher=uac' });
    assert.deepEqual(askForSession(ACCEPT, THEIRS), { 'Session-Expires': '600;refresher=uas' });
  });

  it('go up to what the peer has answered with 422', () => {
    const raised = { 'Session-Expires': '3600', 'Min-SE': '3600' };
    assert.deepEqual(askForSession(REQUEST, null, 3_600), raised);
    assert.deepEqual(askForSession(ACCEPT, null, 3_600), raised);
    assert.equal(readMinSe(message({ 'Min-SE': ' 3600 ;lr' })), 3_600);
    assert.equal(readMinSe(message({ 'Min-SE': 'x' })), 0);
  });

  it('are bound by what the answer says', () => {
    const answered = (value: string, terms = ACCEPT) => sessionOf(message({ 'Session-Expires': value }), terms);
    assert.deepEqual(answered('600;refresher=uas'), THEIRS);
    assert.deepEqual(answered('600;refresher=uac'), OURS);
    assert.deepEqual(answered('600'), OURS);
    // Sooner, it would be all that we do.
    assert.deepEqual(answered('1;refresher=uac'), { seconds: 30, weRefresh: true });
    assert.equal(answered('600', OFF), null);
    assert.equal(sessionOf(message({}), REQUEST), null);
  });
});

function asks(sessionExpires: string, supported?: string): Record<string, string> {
  return supported === undefined
    ? { 'Session-Expires': sessionExpires }
    : { 'Session-Expires': sessionExpires, Supported: supported };
}

function agreementIn(sessionExpires: string | undefined): SessionAgreement | null {
  if (sessionExpires === undefined) return null;
  return { seconds: Number.parseInt(sessionExpires, 10), weRefresh: sessionExpires.endsWith('uas') };
}
