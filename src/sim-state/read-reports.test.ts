import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type ReportTemplate, readReports } from './read-reports.js';

const TEMPLATE: ReportTemplate = {
  list: 'data.ports',
  port: 'port',
  present: { field: 'reg', isNot: ['NO_SIM'], unknown: ['UNKNOWN'] },
  registered: { field: 'reg', is: ['REGISTER_OK'], unknown: ['UNKNOWN'] },
  inCall: { field: 'call.state', isNot: ['idle'] },
  signal: 'signal',
  balance: 'credit',
  iccid: 'iccid',
};

function read(entry: unknown, template: ReportTemplate = TEMPLATE) {
  return readReports({ data: { ports: [entry] } }, template)?.get('1');
}

const NOTHING = { present: null, registered: null, inCall: null, signal: null, balance: null, iccid: null };

describe('readReports', () => {
  it('reads each field as the template says', () => {
    const entry = {
      ...{ port: 1, reg: 'REGISTER_OK', call: { state: 'Active' }, signal: 21 },
      ...{ credit: '12.50', iccid: '89820500000000000017' },
    };
    assert.deepEqual(read(entry), {
      ...{ present: true, registered: true, inCall: true, signal: 21 },
      ...{ balance: '12.50', iccid: '89820500000000000017' },
    });
  });

  it('tells absent, searching and unknown apart', () => {
    const said = ['NO_SIM', 'SEARCHING_NETWORK', 'UNKNOWN', 'register_ok'].map((reg) => {
      const report = read({ port: 1, reg });
      return [report?.present, report?.registered];
    });
    assert.deepEqual(said, [
      [false, false],
      [true, false],
      [null, null],
      [true, true],
    ]);
  });

  it('knows nothing of what the entry does not say, and takes 99 for no signal and zeros for no card', () => {
    assert.deepEqual(read({ port: 1 }), NOTHING);
    const zeros = { port: 1, signal: '99', iccid: '00000000000000000000', credit: '', reg: null, call: 'idle' };
    assert.deepEqual(read(zeros), NOTHING);
  });

  it('takes the first word of a state with two, and numbers and truth values as text', () => {
    const template = { list: '', port: 'port', registered: { field: 'st', is: ['3', 'true'] } };
    const registered = (st: unknown) => readReports([{ port: '1', st }], template)?.get('1')?.registered;
    assert.deepEqual([registered('3 1'), registered(3), registered(true), registered('33')], [true, true, true, false]);
  });

  it('finds ports in an object by their key, and in the answer itself', () => {
    const template = { list: '', port: 'port', registered: { field: 'up', is: ['1'] } };
    const reports = readReports({ a: { up: 1 }, b: { up: 0, port: 'B' } }, template);
    assert.deepEqual(
      [...(reports ?? [])].map(([port, { registered }]) => [port, registered]),
      [
        ['a', true],
        ['B', false],
      ],
    );
  });

  it('says that an answer is another one when there is no list where it should be', () => {
    for (const answer of [null, 7, 'ports', {}, { data: { ports: 'none' } }, [[]]]) {
      assert.equal(readReports(answer, TEMPLATE), null, JSON.stringify(answer));
    }
  });

  it('says something or nothing of any JSON, and finds no field that an object inherits', () => {
    const anyPath = fc.constantFrom('', 'a', 'a.b', '__proto__', 'constructor.name', 'length', 'port');
    fc.assert(
      fc.property(fc.jsonValue(), anyPath, anyPath, (answer, list, field) => {
        readReports(answer, { list, port: field, registered: { field, is: ['a'] }, signal: field, iccid: field });
      }),
    );
    assert.equal(readReports([{ port: '1' }], { list: '', port: 'constructor.name' })?.size, 0);
  });
});
