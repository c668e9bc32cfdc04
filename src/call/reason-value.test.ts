import assert from 'node:assert/strict';
import fc from 'fast-check';
import { causeOf, readReason } from './reason-value.js';

describe('readReason', () => {
  it('reads Q.850, SIP and the GSM form of gateways', () => {
    assert.deepEqual(readReason('Q.850;cause=17;text="User busy"'), {
      protocol: 'Q.850',
      cause: 17,
      text: 'User busy',
    });
    assert.deepEqual(readReason('SIP ;cause=200 ;text="Call completed elsewhere"'), {
      protocol: 'SIP',
      cause: 200,
      text: 'Call completed elsewhere',
    });
    assert.deepEqual(readReason('GSM;cause=0;text="Radio link fail"'), {
      protocol: 'GSM',
      cause: 0,
      text: 'Radio link fail',
    });
  });

  it('takes case, space, order and escapes as they come, and the first of two causes', () => {
    assert.deepEqual(readReason(' q850 ; text = "say \\"no\\"; now" ; CAUSE = 21 ; cause=1'), {
      protocol: 'Q.850',
      cause: 21,
      text: 'say "no"; now',
    });
    assert.deepEqual(readReason('Q.850;cause="34"'), { protocol: 'Q.850', cause: 34, text: null });
    assert.deepEqual(readReason('preemption'), { protocol: 'PREEMPTION', cause: null, text: null });
  });

  it('has no cause where none can be read, and is null for what is no Reason', () => {
    for (const text of [
      'Q.850',
      'Q.850;cause=',
      'Q.850;cause=-1',
      'Q.850;cause=1e2',
      'Q.850;cause=1234567890',
      'Q.850;x=1',
    ]) {
      assert.equal(readReason(text)?.cause, null, text);
    }
    for (const text of ['', '   ', ';cause=17', '"Q.850";cause=17', 'Q.850 cause=17'])
      assert.equal(readReason(text), null, text);
  });

  it('never throws, and is quick, whatever a gateway sends', () => {
    const pieces = fc.constantFrom(
      'Q.850',
      'GSM',
      ';',
      'cause',
      '=',
      '"',
      '\\',
      '17',
      ' ',
      'text',
      ',',
      '\0',
      'é',
      '\r\n',
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(pieces, { maxLength: 60 }).map((all) => all.join('')),
    );
    fc.assert(
      fc.property(text, (value) => {
        const cause = readReason(value)?.cause ?? 0;
        assert.ok(cause >= 0 && cause <= 999);
        const told = causeOf([value, value]);
        assert.ok(told === null || (told >= 1 && told <= 127));
      }),
    );
    const startMs = performance.now();
    for (const hostile of [`Q.850;${'a'.repeat(200_000)}`, `Q.850${';a="'.repeat(50_000)}`, ' '.repeat(200_000)])
      readReason(hostile);
    assert.ok(performance.now() - startMs < 500);
  });
});

describe('causeOf', () => {
  it('takes Q.850 before GSM, and GSM before a SIP status', () => {
    assert.equal(causeOf(['SIP;cause=486', 'GSM;cause=18', 'Q.850;cause=19']), 19);
    assert.equal(causeOf(['SIP;cause=486', 'GSM;cause=18']), 18);
    assert.equal(causeOf(['SIP;cause=486;text="Busy here"']), 17);
  });

  it('is null where nobody says one: none, another protocol, a number that is no cause', () => {
    assert.equal(causeOf([]), null);
    assert.equal(causeOf(['GSM;cause=0;text="Radio link fail"']), null);
    assert.equal(
      causeOf(['Q.850;cause=128', 'Q.850;cause=0', 'SIP;cause=200', 'SIP;cause=999', 'X.25;cause=17']),
      null,
    );
    assert.equal(causeOf(['Q.850;cause=0', 'Q.850;cause=41']), 41);
  });
});
