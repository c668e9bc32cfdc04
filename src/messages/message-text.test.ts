import assert from 'node:assert/strict';
import fc from 'fast-check';
import { measureText, type TextLimits } from './message-text.js';

const GSM: TextLimits = { alphabet: 'gsm', smsParts: 3, smsBytes: 90, lmsBytes: 2_000, hasMms: false };
const KOREAN: TextLimits = { ...GSM, alphabet: 'euc-kr' };

function inShort(text: string, limits: TextLimits, hasPictures = false): string {
  const measured = measureText(text, hasPictures, limits);
  return measured === null ? 'too long' : `${measured.load.kind} ${measured.load.count} ${measured.encoding}`;
}

describe('the length of a text', () => {
  it('counts septets of the GSM alphabet: 160 in one part, 153 in each of several', () => {
    assert.equal(inShort('a'.repeat(160), GSM), 'sms 1 gsm-7bit');
    assert.equal(inShort('a'.repeat(161), GSM), 'sms 2 gsm-7bit');
    assert.equal(inShort('a'.repeat(306), GSM), 'sms 2 gsm-7bit');
    assert.equal(inShort('a'.repeat(307), GSM), 'sms 3 gsm-7bit');
    assert.equal(inShort('Grüße, £5 à Åse', GSM), 'sms 1 gsm-7bit');
  });

  it('counts two septets for what stands behind an escape, which no part ends with', () => {
    assert.equal(inShort('€'.repeat(80), GSM), 'sms 1 gsm-7bit');
    assert.equal(inShort('€'.repeat(81), GSM), 'sms 2 gsm-7bit');
    // 153 septets a part: 76 of two, and one left over.
    assert.equal(inShort('€'.repeat(152), GSM), 'sms 2 gsm-7bit');
    assert.equal(inShort('€'.repeat(153), GSM), 'sms 3 gsm-7bit');
  });

  it('counts 16-bit units as soon as a character is not of the alphabet', () => {
    assert.equal(inShort(`${'a'.repeat(69)}한`, GSM), 'sms 1 ucs-2');
    assert.equal(inShort(`${'a'.repeat(70)}한`, GSM), 'sms 2 ucs-2');
    assert.equal(inShort('한'.repeat(135), GSM), 'sms 3 ucs-2');
    // A surrogate pair is not divided: 33 in a part of 67.
    assert.equal(inShort('😀'.repeat(66), GSM), 'sms 2 ucs-2');
    assert.equal(inShort('😀'.repeat(67), GSM), 'sms 3 ucs-2');
  });

  it('makes an LMS of what has too many parts, and refuses what is longer than one', () => {
    assert.equal(inShort('a'.repeat(460), GSM), 'lms 1 gsm-7bit');
    assert.equal(inShort('a'.repeat(1_001), GSM), 'too long');
    assert.equal(inShort('a'.repeat(460), { ...GSM, lmsBytes: 0 }), 'too long');
  });

  it('counts bytes of EUC-KR where a carrier does', () => {
    assert.equal(inShort('가'.repeat(45), KOREAN), 'sms 1 euc-kr');
    assert.equal(inShort(`${'가'.repeat(45)}a`, KOREAN), 'lms 1 euc-kr');
    assert.equal(inShort('a'.repeat(90), KOREAN), 'sms 1 euc-kr');
    assert.equal(inShort('가'.repeat(1_000), KOREAN), 'lms 1 euc-kr');
    assert.equal(inShort('가'.repeat(1_001), KOREAN), 'too long');
    assert.equal(inShort('똠방각하', KOREAN), 'sms 1 euc-kr');
    assert.equal(inShort('가'.repeat(45), { ...KOREAN, smsBytes: 80 }), 'lms 1 euc-kr');
  });

  it('counts UCS-2 there for what EUC-KR lacks', () => {
    assert.equal(inShort('안녕 😀', KOREAN), 'sms 1 ucs-2');
    assert.equal(inShort(`${'가'.repeat(69)}😀`, KOREAN), 'lms 1 ucs-2');
  });

  it('makes an MMS of pictures where they can be sent', () => {
    assert.equal(inShort('a', { ...KOREAN, hasMms: true }, true), 'mms 1 euc-kr');
    assert.equal(inShort('a', KOREAN, true), 'too long');
  });

  it('never needs fewer parts for a longer text', () => {
    const character = fc.constantFrom('a', '€', '한', '😀', '\n');
    fc.assert(
      fc.property(fc.array(character, { maxLength: 400 }), character, (characters, another) => {
        const limits = { ...GSM, smsParts: 1_000 };
        const text = characters.join('');
        const shorter = measureText(text, false, limits)?.load.count ?? 0;
        const longer = measureText(text + another, false, limits)?.load.count ?? 0;
        assert.ok(longer >= shorter && shorter >= 1);
      }),
    );
  });
});
