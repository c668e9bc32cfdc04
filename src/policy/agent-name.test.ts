import assert from 'node:assert/strict';
import { agentNameOf } from './agent-name.js';

describe('agentNameOf', () => {
  it('takes names of any script, extensions, numbers and addresses', () => {
    for (const name of ['201', 'kim.minji', '김민지', '+82212345678', 'a@pbx.example', 'x_y-z~1']) {
      assert.equal(agentNameOf(name), name);
    }
  });

  it('has one form of each name', () => {
    assert.equal(agentNameOf('Jose\u0301'), agentNameOf('Jos\u00e9'));
  });

  it('takes nothing that could be read as another key', () => {
    for (const text of [
      '',
      'pbx/201',
      'agent:201',
      'a b',
      'a\nb',
      '"a"',
      '-a',
      '.',
      'x'.repeat(65),
      '\u200b',
      '\u202ea',
    ]) {
      assert.equal(agentNameOf(text), null, JSON.stringify(text));
    }
  });
});
