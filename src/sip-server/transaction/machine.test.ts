import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { SILENT_LOG } from '../server-log.js';
import { INVITE_CLIENT_TABLE } from './invite-client-transaction.js';
import { INVITE_SERVER_TABLE } from './invite-server-transaction.js';
import { type MachineTable, stepFor } from './machine.js';
import { NON_INVITE_CLIENT_TABLE } from './non-invite-client-transaction.js';
import { NON_INVITE_SERVER_TABLE } from './non-invite-server-transaction.js';

const MACHINES = {
  'invite-client': INVITE_CLIENT_TABLE,
  'non-invite-client': NON_INVITE_CLIENT_TABLE,
  'invite-server': INVITE_SERVER_TABLE,
  'non-invite-server': NON_INVITE_SERVER_TABLE,
} as unknown as Readonly<Record<string, MachineTable<string, string, string>>>;

describe('the transaction machines', () => {
  for (const [name, table] of Object.entries(MACHINES)) {
    const inputs = [...new Set(Object.values(table).flatMap((row) => Object.keys(row)))];

    it(`${name}: every state but the last can be left, and the last never`, () => {
      for (const [state, row] of Object.entries(table)) {
        const ways = Object.values(row).filter((step) => step?.next !== state);
        assert.equal(ways.length > 0, state !== 'terminated', state);
      }
    });

    it(`${name}: any inputs in any order lead from state to state of the table`, () => {
      fc.assert(
        fc.property(fc.array(fc.constantFrom(...inputs, 'no such input')), (row) => {
          let state = Object.keys(table)[0] as string;
          for (const input of row) {
            const step = stepFor(table, name, state, input, SILENT_LOG);
            if (step !== undefined) state = step.next;
            assert.ok(state in table, state);
          }
        }),
      );
    });
  }

  it('log each change and each unexpected input', () => {
    const written: object[] = [];
    const log = {
      isDebugWanted: true,
      write: (_level: string, _message: string, fields?: object) => written.push(fields ?? {}),
    };
    assert.ok(stepFor(INVITE_SERVER_TABLE, 'invite-server', 'proceeding', 'send-2xx', log));
    assert.equal(stepFor(INVITE_SERVER_TABLE, 'invite-server', 'confirmed', 'timer-g', log), undefined);
    assert.deepEqual(written, [
      { machine: 'invite-server', from: 'proceeding', to: 'accepted', cause: 'send-2xx' },
      { machine: 'invite-server', from: 'confirmed', cause: 'timer-g' },
    ]);
  });
});
