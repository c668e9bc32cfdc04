import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { seconds, shownPath, spokenNumber } from './demo-report.js';
import { inkFor, wrap } from './terminal.js';

describe('what the demo prints', () => {
  it('has colours on a terminal only, and none where NO_COLOR is set', () => {
    assert.notEqual(inkFor({ isTTY: true }, {}).good('x'), 'x');
    assert.equal(inkFor({ isTTY: true }, { NO_COLOR: '1' }).good('x'), 'x');
    assert.equal(inkFor({ isTTY: true }, { TERM: 'dumb' }).good('x'), 'x');
    assert.equal(inkFor({}, {}).good('x'), 'x');
  });

  it('wraps at words and never inside one', () => {
    assert.deepEqual(wrap('one two three', 7), ['one two', 'three']);
    assert.deepEqual(wrap('incomprehensible a b', 4), ['incomprehensible', 'a b']);
  });

  it('writes numbers, durations and paths as people do', () => {
    assert.equal(spokenNumber('01055550101'), '010-5555-0101');
    assert.equal(spokenNumber('15880000'), '15880000');
    assert.equal(seconds(4449), '4.4 s');
    assert.equal(shownPath(resolve('var/x.wav')), 'var/x.wav');
    assert.equal(shownPath('/elsewhere/x.wav'), '/elsewhere/x.wav');
  });
});
