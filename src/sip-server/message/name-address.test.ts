import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { headerParameter, parseNameAddress, splitElements } from './name-address.js';

describe('parseNameAddress', () => {
  it('reads names, brackets and tags', () => {
    const cases: readonly (readonly [string, string, string | undefined])[] = [
      ['<sip:a@b>', 'sip:a@b', undefined],
      ['sip:a@b;tag=1', 'sip:a@b', '1'],
      ['<sip:a@b;tag=inside>;tag=outside', 'sip:a@b;tag=inside', 'outside'],
      ['"A; B <sip:x@y>" <sip:a@b> ; expires=5 ;TAG = 7', 'sip:a@b', '7'],
      ['"back\\\\slash\\"" <sip:a@b>', 'sip:a@b', undefined],
      ['tel:+821012345678', 'tel:+821012345678', undefined],
      ['<sip:a@b>;x="tag=no;tag=no";tag=yes, <sip:c@d>;tag=other', 'sip:a@b', 'yes'],
    ];
    for (const [text, uri, tag] of cases) {
      const address = parseNameAddress(text);
      assert.equal(address?.uri, uri, text);
      assert.equal(address?.tag, tag, text);
    }
  });

  it('finds no address where there is none', () => {
    for (const text of ['', 'Alice', '"open <sip:a@b>', '<sip:a@b', '<>', '<a b>', '*']) {
      assert.equal(parseNameAddress(text), null, text);
    }
  });
});

describe('headerParameter', () => {
  it('tells absent from empty', () => {
    assert.equal(headerParameter(';rport;branch=x', 'rport'), '');
    assert.equal(headerParameter(';branch=x', 'rport'), undefined);
    assert.equal(headerParameter(';rportx=1;rport=2', 'rport'), '2');
  });
});

describe('splitElements', () => {
  it('splits at commas outside quotes and brackets, over several values', () => {
    assert.deepEqual(splitElements(['<sip:a,b@c>, "x, y" <sip:d@e>', ' , <sip:f@g>;z="1,2"']), [
      '<sip:a,b@c>',
      '"x, y" <sip:d@e>',
      '<sip:f@g>;z="1,2"',
    ]);
  });

  it('gives back what was joined', () => {
    const element = fc.stringMatching(/^<sip:[a-z,;]{1,9}@[a-z]{1,5}>(;[a-z]="[a-z,;<>]{0,5}")?$/);
    fc.assert(
      fc.property(fc.array(element, { minLength: 1, maxLength: 5 }), (elements) => {
        assert.deepEqual(splitElements([elements.join(', ')]), elements);
      }),
    );
  });
});
