import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  entriesAt,
  readToldMessage,
  readToldReport,
  type ToldMessageFields,
  type ToldReportFields,
} from './told-messages.js';

const CHANNEL = { channelId: 'gw1/1', simId: 'sim1', simNumber: '+821040000001' };
const FIELDS: ToldMessageFields = { from: 'from', text: 'text', channel: null, id: null };
const REPORT: ToldReportFields = {
  ...{ id: 'id', reference: null, number: 'to', channel: null, status: 'status' },
  ...{ delivered: /^0$/, undelivered: /^[6-9]/ },
};
const channelOf = () => CHANNEL;

describe('what a gateway tells in JSON', () => {
  const read = (entry: object, changes: Partial<ToldMessageFields> = {}) =>
    readToldMessage(entry as Record<string, unknown>, { ...FIELDS, ...changes }, 'gw1', channelOf);
  const keyOf = (entry: object, changes: Partial<ToldMessageFields> = {}) => {
    const arrived = read(entry, changes);
    assert.ok(arrived !== null && arrived !== 'other');
    return arrived.key;
  };

  it('has entries at a path, in objects and lists, or is one itself', () => {
    assert.deepEqual(entriesAt({ a: { b: [{ n: 1 }, 2, null, [3]] } }, 'a.b'), [{ n: 1 }, [3]]);
    assert.deepEqual(entriesAt({ a: [[{ n: 1 }]] }, 'a.0'), [{ n: 1 }]);
    assert.deepEqual(entriesAt({ n: 1 }, null), [{ n: 1 }]);
    for (const body of [null, 1, 'x', {}, { a: 'none' }]) assert.equal(entriesAt(body, 'a'), null);
  });

  it('is a message with a sender and a text, which may be numbers, in base64, or empty where that is said', () => {
    const arrived = read({ from: 100, text: 5 });
    assert.ok(arrived !== null && arrived !== 'other');
    assert.deepEqual([arrived.from, arrived.text, arrived.channel], ['100', '5', CHANNEL]);
    assert.equal(read({ from: '100' }), 'other');
    assert.equal(read({ from: '100', text: '' }), 'other');
    const empty = read({ from: '100', text: '' }, { mayBeEmpty: true, textIs: 'base64' });
    assert.equal(empty !== null && empty !== 'other' && empty.text, '');
    const base64 = read(['x', Buffer.from('안녕').toString('base64')], { from: '0', text: '1', textIs: 'base64' });
    assert.equal(base64 !== null && base64 !== 'other' && base64.text, '안녕');
    assert.equal(read({ from: 'a', text: 'b', kind: 1 }, { when: { field: 'kind', is: ['0'] } }), 'other');
    assert.equal(
      readToldMessage({ from: 'a', text: 'b' }, FIELDS, 'gw1', () => null),
      null,
    );
  });

  it('is the same message with the same id and text, or the same text at the same time', () => {
    const byId = { id: 'id' };
    assert.equal(
      keyOf({ id: 1, from: 'a', text: 'b', x: 1 }, byId),
      keyOf({ id: 1, from: 'a', text: 'b', x: 2 }, byId),
    );
    // Ids begin anew with a gateway's memory.
    assert.notEqual(keyOf({ id: 1, from: 'a', text: 'b' }, byId), keyOf({ id: 1, from: 'a', text: 'c' }, byId));
    const byTime = { time: 'at' };
    assert.equal(keyOf({ at: 1, from: 'a', text: 'b', x: 1 }, byTime), keyOf({ at: 1, from: 'a', text: 'b' }, byTime));
    assert.notEqual(keyOf({ at: 1, from: 'a', text: 'b' }, byTime), keyOf({ at: 2, from: 'a', text: 'b' }, byTime));
    assert.notEqual(keyOf({ from: 'a', text: 'b', x: 1 }), keyOf({ from: 'a', text: 'b', x: 2 }));
  });

  it('is a report when its status says that a message is over', () => {
    const report = (entry: object) => readToldReport(entry as Record<string, unknown>, REPORT, 'gw1', channelOf);
    assert.equal(report({ to: '010', status: 0 })?.status, 'delivered');
    assert.deepEqual(
      [report({ id: 'm', status: '64' })?.status, report({ id: 'm', status: '64' })?.messageId],
      ['undelivered', 'm'],
    );
    const timed = (entry: object) =>
      readToldReport(entry as Record<string, unknown>, { ...REPORT, time: 'at' }, 'gw1', channelOf);
    const told = { to: '010', status: 0, at: 1 };
    assert.equal(report(told)?.key, null);
    assert.equal(timed(told)?.key, timed({ ...told, more: 1 })?.key);
    assert.notEqual(timed(told)?.key, timed({ ...told, at: 2 })?.key);
    assert.equal(report({ to: '010', status: 32 }), null);
    assert.equal(report({ to: '010' }), null);
  });

  it('says when a report was, by seconds, milliseconds or a date in the gateway’s zone, else not', () => {
    const atMs = (at: unknown, timeZone?: string) => {
      const fields = { ...REPORT, time: 'at', ...(timeZone && { timeZone }) };
      return readToldReport({ to: '010', status: 0, at }, fields, 'gw1', channelOf)?.atMs;
    };
    const wallMs = Date.UTC(2026, 10, 21, 8, 11, 18);
    const forms = ['2026-11-21 17:11:18', '2026/11/21 17:11:18', '2026-11-21T17:11:18', wallMs / 1_000, `${wallMs}`];
    for (const at of [...forms, '2026-11-21T08:11:18Z']) assert.equal(atMs(at, 'Asia/Seoul'), wallMs, String(at));
    for (const at of ['2026-13-41 17:11:18', 'yesterday', '17:11:18', 1, '', '2026']) {
      assert.equal(atMs(at, 'Asia/Seoul'), null, String(at));
    }
    assert.equal(atMs('2026-11-21 17:11:18'), null, 'in no zone');
  });

  it('is read without throwing, whatever it is', () => {
    const path = fc.constantFrom('', 'a', 'a.b', '0', 'length', '__proto__.x', 'a..b');
    fc.assert(
      fc.property(fc.jsonValue(), path, path, (body, list, field) => {
        for (const entry of entriesAt(body, list) ?? []) {
          readToldMessage(entry, { ...FIELDS, from: field, text: field, id: field }, 'gw1', channelOf);
          const fields = { ...REPORT, status: field, number: field, time: field, timeZone: 'Asia/Seoul' };
          readToldReport(entry, fields, 'gw1', channelOf);
        }
      }),
    );
  });
});
