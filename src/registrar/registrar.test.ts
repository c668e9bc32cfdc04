import assert from 'node:assert/strict';
import fc from 'fast-check';
import { answerChallenge } from '../digest/digest-client.js';
import { ManualClock } from '../lib/clock.js';
import type { JournalEntry } from '../lib/journal-entry.js';
import { createLogger } from '../lib/logger.js';
import { readContacts } from './read-contacts.js';
import { openRegistrar, type Registrar } from './registrar.js';

const ACCOUNT = { username: 'line1', password: 'sesame' };
const LIMITS = { minExpiresSeconds: 60, maxExpiresSeconds: 3_600 };
const URI = 'sip:10.0.0.1';
const SOURCE = 'sip:198.51.100.7:40000';

/** Rows by their key, as the journal's table has them. */
class Rows {
  readonly byLine = new Map<string, string>();

  async commit(entries: readonly JournalEntry[]): Promise<void> {
    for (const { statement, parameters } of entries) {
      const [line, data] = parameters as [string, string];
      if (statement.startsWith('DELETE')) this.byLine.delete(line);
      else this.byLine.set(line, data);
    }
  }

  async query(): Promise<readonly { data: string }[]> {
    return [...this.byLine.values()].map((data) => ({ data }));
  }
}

describe('the registrar of lines', () => {
  let clock: ManualClock;
  let rows: Rows;
  let changes: [string, boolean][];
  let registrar: Registrar;
  let cseq: number;

  async function open(lines = ['gw1/1']): Promise<void> {
    registrar = await openRegistrar({
      lines: lines.map((line) => ({ line, account: ACCOUNT, limits: LIMITS })),
      digest: { realm: 'simtrunk', algorithms: ['SHA-256', 'MD5'], nonceSecret: 's', nonceLifetimeMs: 300_000 },
      journal: rows,
      clock,
      log: createLogger({ level: 'silent', redactNumbers: false }),
      onChange: (line, isRegistered) => changes.push([line, isRegistered]),
    });
  }

  beforeEach(async () => {
    clock = new ManualClock();
    rows = new Rows();
    changes = [];
    cseq = 0;
    await open();
  });

  afterEach(() => registrar.close());

  /** A REGISTER with an answer to a fresh challenge. */
  function register(
    contact: string | undefined,
    { expires = '600', callId = 'c1', user = 'line1', account = ACCOUNT, number = ++cseq } = {},
  ) {
    const asked = { uri: URI, body: '', user, contact, expires, callId, cseq: number, source: SOURCE };
    const challenges = registrar.answer({ ...asked, authorization: undefined }).challenges ?? [];
    const authorization = answerChallenge(
      challenges.join(','),
      { method: 'REGISTER', uri: URI, body: '' },
      account,
    )?.credentials;
    return registrar.answer({ ...asked, authorization });
  }

  it('keeps where a line is, for as long as the line asks for, and forgets it then', () => {
    assert.deepEqual(changes, [['gw1/1', false]]);
    const { status, headers } = register('<sip:line1@10.9.9.9:5060>');
    assert.deepEqual([status, headers.Contact], [200, '<sip:line1@10.9.9.9:5060>;expires=600']);
    assert.equal(registrar.locate('gw1/1')?.contact, 'sip:line1@10.9.9.9:5060');
    assert.equal(registrar.locate('gw1/1')?.source, SOURCE);
    assert.ok(registrar.isSource(SOURCE));
    clock.advance(599_000);
    assert.ok(registrar.locate('gw1/1') !== null);
    clock.advance(2_000);
    assert.equal(registrar.locate('gw1/1'), null);
    assert.deepEqual(changes, [
      ['gw1/1', false],
      ['gw1/1', true],
      ['gw1/1', false],
    ]);
    assert.equal(rows.byLine.size, 0);
  });

  it('survives a restart, and forgets what has expired meanwhile or is no line any more', async () => {
    register('<sip:line1@10.9.9.9>');
    registrar.close();
    changes = [];
    await open();
    assert.equal(registrar.locate('gw1/1')?.contact, 'sip:line1@10.9.9.9');
    registrar.close();
    clock.advance(700_000);
    await open();
    assert.deepEqual(changes, [
      ['gw1/1', true],
      ['gw1/1', false],
    ]);
    register('<sip:line1@10.9.9.9>');
    registrar.close();
    await open(['gw2']);
    assert.equal(rows.byLine.size, 0);
  });

  it('asks for credentials, says nothing of what is wrong with them, and lets no line move another', () => {
    assert.equal(register('<sip:a@h>', { account: { ...ACCOUNT, password: 'wrong' } }).status, 401);
    assert.equal(register('<sip:a@h>', { account: { ...ACCOUNT, username: 'line9' } }).status, 401);
    assert.equal(register('<sip:a@h>', { user: 'line2' }).status, 403);
    assert.equal(registrar.locate('gw1/1'), null);
    assert.deepEqual([registrar.counters.credentialsRefused, registrar.counters.refused], [2, 1]);
  });

  it('refuses too short a time with 423, and cuts too long a one', () => {
    const brief = register('<sip:a@h>;expires=30');
    assert.deepEqual([brief.status, brief.headers['Min-Expires']], [423, '60']);
    assert.equal(registrar.locate('gw1/1'), null);
    assert.match(register('<sip:a@h>;expires=86400').headers.Contact ?? '', /expires=3600$/);
    assert.match(register('<sip:a@h>', { expires: '', callId: 'c2' }).headers.Contact ?? '', /expires=3600$/);
  });

  it('takes back a contact, or all of them, and says so', () => {
    register('<sip:a@h>');
    assert.match(register('<sip:other@h>;expires=0').headers.Contact ?? '', /sip:a@h/);
    assert.deepEqual(register('<sip:a@h>;expires=0').headers, {});
    register('<sip:a@h>');
    assert.equal(register('*').status, 400);
    assert.deepEqual(register('*', { expires: '0' }), { status: 200, headers: {} });
    assert.equal(registrar.locate('gw1/1'), null);
    assert.deepEqual(
      changes.map(([, isRegistered]) => isRegistered),
      [false, true, false, true, false],
    );
  });

  it('tells what it knows when no contact is given', () => {
    assert.deepEqual(register(undefined).headers, {});
    register('<sip:a@h>');
    clock.advance(100_000);
    assert.match(register(undefined).headers.Contact ?? '', /expires=500$/);
  });

  it('keeps of several contacts the one that is liked best, and replaces it when the line has moved', () => {
    assert.match(
      register('<sip:a@h1>;q=0.2, "B, b" <sip:b@h2>;q=0.9, <sip:c@h3>;q=0.9').headers.Contact ?? '',
      /sip:b@h2/,
    );
    assert.match(register('<sip:d@h4>', { callId: 'after a reboot', number: 1 }).headers.Contact ?? '', /sip:d@h4/);
    assert.equal(registrar.states().length, 1);
    assert.equal(changes.length, 2);
  });

  it('lets no older REGISTER of a call undo a newer one', () => {
    register('<sip:a@h>', { number: 7 });
    assert.equal(register('<sip:b@h>', { number: 7 }).status, 500);
    assert.equal(register('*', { number: 6, expires: '0' }).status, 500);
    assert.equal(registrar.locate('gw1/1')?.contact, 'sip:a@h');
  });

  it('reads contacts of any spelling, and refuses what is none', () => {
    assert.deepEqual(readContacts('sip:a@h:5060;expires=60;q=0.5'), [
      { uri: 'sip:a@h:5060', preference: 500, expiresSeconds: 60 },
    ]);
    assert.equal(
      (readContacts('"A <x>, \\"b\\"" <sip:a@[fd00::1]:5060;line=1>;expires="90"') ?? [])[0] !== undefined,
      true,
    );
    for (const text of [
      '<sip:a@h',
      'tel:1',
      '<sip:a b@h>',
      '<sip:a@h?x=1>',
      '<sip:a@h>,<mailto:a@h>',
      ',',
      '<sip:a@h\r\nX: 1>',
    ]) {
      assert.equal(readContacts(text), null, text);
    }
    assert.equal(register('<tel:123>').status, 400);
    fc.assert(fc.property(fc.string({ maxLength: 100 }), (text) => void readContacts(text)));
  });

  it('keeps over a reload where its lines are, forgets those that are gone, and takes no nonce’s count twice', () => {
    register('<sip:line1@10.9.9.9>');
    const digest = { realm: 'simtrunk', algorithms: ['MD5' as const], nonceSecret: 's', nonceLifetimeMs: 300_000 };
    const line = { line: 'gw1/1', account: ACCOUNT, limits: LIMITS };
    const asked = {
      uri: URI,
      body: '',
      user: 'line1',
      contact: '<sip:line1@10.8.8.8>',
      expires: '600',
      callId: 'c2',
      source: SOURCE,
    };
    const challenge = registrar.answer({ ...asked, cseq: 1, authorization: undefined }).challenges?.join(',') ?? '';
    const credentials = answerChallenge(challenge, { method: 'REGISTER', uri: URI, body: '' }, ACCOUNT)?.credentials;
    assert.equal(registrar.answer({ ...asked, cseq: 1, authorization: credentials }).status, 200);
    changes = [];
    registrar.reconfigure({
      lines: [line, { ...line, line: 'gw1/2', account: { ...ACCOUNT, username: 'line2' } }],
      digest,
    });
    assert.deepEqual(changes, [
      ['gw1/1', true],
      ['gw1/2', false],
    ]);
    assert.equal(registrar.locate('gw1/1')?.contact, 'sip:line1@10.8.8.8');
    assert.equal(registrar.answer({ ...asked, cseq: 2, authorization: credentials }).status, 401);
    registrar.reconfigure({ lines: [{ ...line, line: 'gw1/2' }], digest });
    assert.deepEqual([registrar.locate('gw1/1'), rows.byLine.size, registrar.states().length], [null, 0, 1]);
  });
});
