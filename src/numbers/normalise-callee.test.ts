import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parsePhoneNumberFromString } from 'libphonenumber-js/max';
import type { DiallingRules } from './dialling-rules.js';
import { dialForm, normaliseCallee } from './normalise-callee.js';
import type { NumberClass } from './number-class.js';

function assertCallee(dialled: string, e164: string, national: string, numberClass: NumberClass, country = 'KR'): void {
  assert.deepEqual(normaliseCallee(dialled, { country }), { ok: true, e164, national, numberClass }, dialled);
}

function assertRefused(dialled: string, reason: string, country = 'KR'): void {
  assert.deepEqual(normaliseCallee(dialled, { country }), { ok: false, reason }, JSON.stringify(dialled));
}

describe('normaliseCallee', () => {
  it('gives every way to dial one mobile the same canonical number', () => {
    for (const dialled of [
      '01012345678',
      '010-1234-5678',
      '+821012345678',
      '+82-10-1234-5678',
      '+8201012345678',
      '%2B821012345678',
      '001821012345678',
      '+821012345678;phone-context=example.com',
    ]) {
      assertCallee(dialled, '+821012345678', '01012345678', 'mobile');
    }
  });

  it('knows Korean mobiles, landlines and internet telephones', () => {
    assertCallee('0111234567', '+82111234567', '0111234567', 'mobile');
    assertCallee('0161234567', '+82161234567', '0161234567', 'mobile');
    assertCallee('0212345678', '+82212345678', '0212345678', 'landline');
    assertCallee('0312345678', '+82312345678', '0312345678', 'landline');
    assertCallee('07012345678', '+827012345678', '07012345678', 'internet');
  });

  it('takes every eight-digit 15xx, 16xx and 18xx for representative, without a trunk 0', () => {
    for (const dialled of ['15881234', '1588-1234', '16001234', '18001234', '15551234', '18661234', '+8215881234']) {
      const digits = dialled.replace('+82', '').replaceAll('-', '');
      assertCallee(dialled, `+82${digits}`, digits, 'representative');
    }
  });

  it('counts masked, shared and toll-free numbers as representative, as carriers bill them', () => {
    assertCallee('05012345678', '+825012345678', '05012345678', 'representative');
    assertCallee('050712345678', '+8250712345678', '050712345678', 'representative');
    assertCallee('0801234567', '+82801234567', '0801234567', 'representative');
    assertCallee('0215881234', '+82215881234', '0215881234', 'representative');
    assertCallee('027001234', '+8227001234', '027001234', 'representative');
  });

  it('knows representative numbers of six digits', () => {
    assertCallee('14-0012', '+82140012', '140012', 'representative');
  });

  it('knows premium numbers', () => {
    assertCallee('0607001234', '+82607001234', '0607001234', 'premium');
    assertCallee('+82607001234', '+82607001234', '0607001234', 'premium');
  });

  it('keeps special numbers as their own canonical form', () => {
    for (const code of ['1335', '120', '122', '114', '131', '1330']) assertCallee(code, code, code, 'special');
  });

  it('knows emergency numbers and crisis lines', () => {
    for (const code of ['112', '119', '182', '1366', '1388']) assertCallee(code, code, code, 'emergency');
    assertCallee('911', '911', '911', 'emergency', 'US');
    assertCallee('112', '112', '112', 'emergency', 'DE');
    assertCallee('999', '999', '999', 'emergency', 'GB');
    assertCallee('000', '000', '000', 'emergency', 'AU');
    assertCallee('112', '112', '112', 'emergency', 'ZZ');
  });

  it('reads short codes that a PBX has put into international form', () => {
    assertCallee('+82119', '119', '119', 'emergency');
    assertCallee('+821335', '1335', '1335', 'special');
  });

  it('knows short codes behind an area code, and never takes an extension for one', () => {
    assertCallee('02119', '+822119', '02119', 'emergency');
    assertCallee('+822119', '+822119', '02119', 'emergency');
    assertCallee('0311366', '+82311366', '0311366', 'emergency');
    assertCallee('02-120', '+822120', '02120', 'special');
    assertCallee('051114', '+8251114', '051114', 'special');
    for (const extension of ['2119', '2120', '31120', '701', '1', '5551234']) {
      const result = normaliseCallee(extension, { country: 'KR' });
      assert.equal(result.ok, false, extension);
    }
  });

  it('takes carriers’ codes for long distance and for calls abroad off', () => {
    for (const dialled of ['0820212345678', '082212345678', '081-02-1234-5678']) {
      assertCallee(dialled, '+82212345678', '0212345678', 'landline');
    }
    assertCallee('08201012345678', '+821012345678', '01012345678', 'mobile');
    assertCallee('0801234567', '+82801234567', '0801234567', 'representative');
    for (const dialled of ['001', '002', '005', '006', '008', '00300', '00700', '00727', '00770'].map(
      (code) => `${code}14155550100`,
    )) {
      assertCallee(dialled, '+14155550100', '+14155550100', 'international');
    }
    assertCallee('00700821012345678', '+821012345678', '01012345678', 'mobile');
  });

  it('reads the commonest mobiles without the metadata, as the metadata would', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 99_999_999 }), (subscriber) => {
        const digits = `10${String(subscriber).padStart(8, '0')}`;
        const parsed = parsePhoneNumberFromString(`+82${digits}`);
        const result = normaliseCallee(`0${digits}`, { country: 'KR' });
        assert.equal(result.ok, parsed?.isValid(), digits);
        if (result.ok) assert.deepEqual([result.e164, result.numberClass], [`+82${digits}`, 'mobile']);
      }),
      { numRuns: 500 },
    );
  });

  it('calls a number of another country international', () => {
    assertCallee('+14155550100', '+14155550100', '+14155550100', 'international');
    assertCallee('00114155550100', '+14155550100', '+14155550100', 'international');
    assertCallee('+821012345678', '+821012345678', '+821012345678', 'international', 'US');
  });

  it('reads national numbers in the country of the trunk', () => {
    assertCallee('030901820', '+4930901820', '030901820', 'landline', 'DE');
    assertCallee('2015550123', '+12015550123', '2015550123', 'mobile', 'US');
  });

  it('refuses numbers that the numbering plan does not have', () => {
    for (const dialled of ['0101234', '01', '0999999999', '010123456789012', '+82', '+999123456789']) {
      assertRefused(dialled, 'callee-unassigned');
    }
  });

  it('refuses what is no number, however it is dressed up', () => {
    for (const dialled of [
      '',
      '+',
      '++821012345678',
      'sip:01012345678',
      '01012345678@evil.example',
      "01012345678' OR 1=1",
      '010%001234',
      '*67',
      '#31#01012345678',
      '01012345678#',
      '010x1234',
      '０１０１２３４５６７８',
      '01012345678\r\nVia: x',
      '0'.repeat(65),
      '1'.repeat(21),
      '+1 (415) 555-0100 ext. 5',
    ]) {
      assertRefused(dialled, 'callee-malformed');
    }
  });

  it('refuses a foreign number with a row of trunk zeros, which would be read differently each time', () => {
    assertRefused('0019710000000', 'callee-unassigned');
    assertRefused('+9710000000', 'callee-unassigned');
  });

  it('never throws, and is stable: normalising a canonical number changes nothing', () => {
    const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 2, maxLength: 14 });
    const prefix = fc.constantFrom('', '+', '0', '010', '02', '+82', '15', '070', '001', '+1415');
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ maxLength: 80 }),
          fc.tuple(prefix, digits).map((parts) => parts.join('')),
        ),
        (dialled) => {
          const first = normaliseCallee(dialled, { country: 'KR' });
          if (!first.ok) return;
          assert.deepEqual(normaliseCallee(first.e164, { country: 'KR' }), first);
          assert.deepEqual(normaliseCallee(first.national, { country: 'KR' }), first);
        },
      ),
      { numRuns: 3000, examples: [['0019710000000']] },
    );
  });

  for (const [country, prefixes] of [
    [
      'KR',
      [
        '',
        '0',
        '010',
        '02',
        '+82',
        '+820',
        '0082',
        '15',
        '14',
        '070',
        '050',
        '001',
        '00700',
        '082',
        '0850',
        '+8208',
        '021',
      ],
    ],
    ['US', ['', '1', '+1', '011', '+1415', '212', '800', '911', '0']],
    ['IT', ['', '0', '06', '3', '+39', '+3906', '0039', '800', '00']],
    ['AE', ['', '0', '04', '05', '+971', '00971', '+9710', '800', '600']],
    ['GB', ['', '0', '07', '020', '+44', '0044', '+440', '999', '00']],
  ] as const) {
    it(`is stable in ${country}: normalising the E.164 or the national form again gives the same`, () => {
      const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: 13 });
      const dialled = fc.tuple(fc.constantFrom(...prefixes), digits).map((parts) => parts.join(''));
      let read = 0;
      fc.assert(
        fc.property(dialled, (text) => {
          const first = normaliseCallee(text, { country });
          if (!first.ok) return;
          read += 1;
          assert.deepEqual(normaliseCallee(first.e164, { country }), first, `${text}: ${first.e164}`);
          assert.deepEqual(normaliseCallee(first.national, { country }), first, `${text}: ${first.national}`);
        }),
        { numRuns: 2000 },
      );
      assert.ok(read > 50, `only ${read} of 2,000 were numbers`);
    });
  }

  it('refuses or reads any number for a country that does not exist', () => {
    assertCallee('+821012345678', '+821012345678', '+821012345678', 'international', 'ZZ');
    assertRefused('01012345678', 'callee-unassigned', 'ZZ');
  });
});

describe('dialForm', () => {
  it('dials nationally at home and internationally elsewhere', () => {
    assert.equal(dialForm({ e164: '+821098765432' }, '+821012345678'), '01098765432');
    assert.equal(dialForm({ e164: '+8215881234' }, '+821012345678'), '15881234');
    assert.equal(dialForm({ e164: '+14155550100' }, '+821012345678'), '+14155550100');
    assert.equal(dialForm({ e164: '119' }, '+821012345678'), '119');
  });
});

describe('dialling rules', () => {
  function read(dialled: string, rules: Omit<DiallingRules, 'country'>, country = 'KR'): string {
    const result = normaliseCallee(dialled, { country, ...rules });
    return result.ok ? result.e164 : result.reason;
  }

  it('takes the prefix for an outside line off once, the longest that fits', () => {
    assert.equal(read('901012345678', { outsidePrefixes: ['9'] }), '+821012345678');
    assert.equal(read('8801012345678', { outsidePrefixes: ['8', '88'] }), '+821012345678');
    assert.equal(read('01012345678', { outsidePrefixes: ['9'] }), '+821012345678');
    assert.equal(read('9901012345678', { outsidePrefixes: ['9'] }), 'callee-unassigned');
    assert.equal(read('9', { outsidePrefixes: ['9'] }), 'callee-malformed');
    assert.equal(read('901012345678', {}), 'callee-unassigned');
  });

  it('reads numbers the same with and without 0 for an outside line', () => {
    const rules = { outsidePrefixes: ['0'] };
    for (const dialled of ['001012345678', '01012345678', '+821012345678'])
      assert.equal(read(dialled, rules), '+821012345678');
    assert.equal(read('00607001234', rules), '+82607001234');
    assert.equal(read('015881234', rules), '+8215881234');
    assert.equal(read('15881234', rules), '+8215881234');
    assert.equal(read('000114155550100', rules), '+14155550100');
  });

  it('takes nothing off a number that begins with "+"', () => {
    assert.equal(read('+821012345678', { outsidePrefixes: ['8', '82'] }), '+821012345678');
  });

  it('knows an emergency number with the prefix and without it', () => {
    for (const dialled of ['119', '9119', '112', '9112']) {
      assert.equal(read(dialled, { outsidePrefixes: ['9', '1', '11'] }), dialled.slice(-3));
    }
    assert.equal(read('911', { outsidePrefixes: ['9'] }, 'US'), '911');
    assert.equal(read('9911', { outsidePrefixes: ['9'] }, 'US'), '911');
  });

  it('reads the trunk’s own prefix for calls abroad before those of the country', () => {
    assert.equal(
      read('0014155550100', {}),
      'callee-unassigned',
      'in Korea 001 is a carrier’s code, and +41 5555 0100 too short',
    );
    assert.equal(read('0014155550100', { internationalPrefixes: ['00'] }), '+14155550100');
    assert.equal(read('00821012345678', { internationalPrefixes: ['00'] }), '+821012345678');
    assert.equal(read('9008215881234', { outsidePrefixes: ['9'], internationalPrefixes: ['00'] }), '+8215881234');
  });

  it('never throws, and gives a callee that is canonical without the rules', () => {
    const rule = fc.array(fc.string({ unit: fc.constantFrom(...'0189'), minLength: 0, maxLength: 3 }), {
      maxLength: 3,
    });
    const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 2, maxLength: 14 });
    fc.assert(
      fc.property(
        rule,
        rule,
        fc.constantFrom('', '9', '0', '00', '010', '9010', '+82', '1588'),
        digits,
        (outside, international, start, rest) => {
          const rules = { country: 'KR', outsidePrefixes: outside, internationalPrefixes: international };
          const first = normaliseCallee(start + rest, rules);
          if (first.ok) assert.deepEqual(normaliseCallee(first.e164, { country: 'KR' }), first, start + rest);
        },
      ),
      { numRuns: 3000 },
    );
  });
});
