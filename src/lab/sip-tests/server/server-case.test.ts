import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { withTimes } from './run-server-case.js';
import { loadServerCases, parseServerCase, peersFolder } from './server-case.js';

const SPOILT = `
shows: A call survives.
group: losses
caller: { scenario: caller-hangs-up.xml, does: answer }
spoils: [{ leg: caller, to: server, message: ACK }, { leg: caller, to: peer, message: 200 INVITE }]
expect: { told: [] }
`;

describe('a SIPp case of the server alone', () => {
  it('becomes two for each message that it spoils: lost, and twice', () => {
    assert.deepEqual(
      parseServerCase('call', SPOILT).map(({ name, relay }) => [name, relay[0]?.isLost, relay[0]?.isTwice]),
      [
        ['call/ACK-from-caller-lost', true, false],
        ['call/ACK-from-caller-twice', false, true],
        ['call/200-INVITE-to-caller-lost', true, false],
        ['call/200-INVITE-to-caller-twice', false, true],
      ],
    );
  });

  it('is refused with the path of every mistake', () => {
    assert.throws(
      () => parseServerCase('odd', SPOILT.replace('group: losses', 'group: lost').replace('shows:', 'show:')),
      /odd\/case\.yaml:[\s\S]*shows[\s\S]*group/,
    );
  });

  it('has T1 written into its scenarios', () => {
    assert.equal(
      withTimes('<send retrans="{T1}"/><pause milliseconds="{75*T1}"/>', 50),
      '<send retrans="50"/><pause milliseconds="3750"/>',
    );
  });

  it('has its scenarios beside it, for every case there is', () => {
    const missing = loadServerCases()
      .flatMap(({ caller, callee }) => [caller?.scenario, callee?.scenario])
      .filter((scenario) => scenario !== undefined && !existsSync(join(peersFolder(), scenario)));
    assert.deepEqual(missing, []);
  });

  it('shows every timer of RFC 3261 and RFC 6026', () => {
    const shown = loadServerCases()
      .map(({ shows }) => shows)
      .join(' ');
    const timers = [...'ABDEFGHIJKLM'];
    assert.deepEqual(
      timers.filter((timer) => !new RegExp(`timer ${timer}\\b`).test(shown)),
      [],
    );
  });
});
