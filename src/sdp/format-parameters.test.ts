import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { SdpCodec } from './description.js';
import { agreedParameters, canJoin } from './format-parameters.js';

function format(name: string, fmtp?: string): SdpCodec {
  const clockRateHz = name === 'opus' ? 48_000 : 8_000;
  return { payloadType: 96, name, clockRateHz, ...(fmtp !== undefined && { fmtp }) };
}

/** What is stated to the sender of what `receiver` gets; `null` where the two cannot be joined. */
function agreed(name: string, receiver?: string, sender?: string): string | undefined | null {
  const result = agreedParameters(format(name, receiver), format(name, sender));
  return result === null ? null : result.fmtp;
}

describe('agreedParameters', () => {
  it('leaves G.729 without Annex B as soon as one side has none, and G.723.1 without Annex A', () => {
    assert.equal(agreed('G729', undefined, 'annexb=no'), 'annexb=no');
    assert.equal(agreed('G729', 'annexb=yes', 'ANNEXB = No'), 'annexb=no');
    assert.equal(agreed('G729', 'annexb=no', 'annexb=yes'), 'annexb=no');
    assert.equal(agreed('G729', 'annexb=yes'), 'annexb=yes');
    assert.equal(agreed('G729'), undefined);
    assert.equal(agreed('G723', undefined, 'annexa=no'), 'annexa=no');
  });

  it('joins AMR only with the same framing, however it is written', () => {
    assert.equal(agreed('AMR', 'octet-align=1', undefined), null);
    assert.equal(agreed('AMR', 'octet-align=0', undefined), 'octet-align=0');
    assert.equal(agreed('AMR', 'Octet-Align=1;crc=1', 'crc=1; octet-align=1'), 'Octet-Align=1;crc=1');
    assert.equal(agreed('AMR', 'crc=1', 'crc=1; octet-align=1'), 'crc=1');
    assert.equal(agreed('AMR', 'crc=1', 'octet-align=1'), null);
    assert.equal(agreed('AMR-WB', 'interleaving=30', 'octet-align=1'), null);
  });

  it('keeps a set of AMR modes as it was offered, and takes the answerer’s where none was', () => {
    assert.equal(agreed('AMR', 'mode-set=0,2,4,7', 'mode-set=7,4,2,0'), 'mode-set=7,4,2,0');
    assert.equal(agreed('AMR', 'mode-set=0,2', 'mode-set=0,2,4'), null);
    assert.equal(agreed('AMR', 'octet-align=1', 'octet-align=1;mode-set=7'), 'octet-align=1; mode-set=7');
    assert.equal(agreed('AMR', 'mode-set=7'), 'mode-set=7');
  });

  it('has iLBC frames of 30 ms unless both sides want 20', () => {
    assert.equal(agreed('iLBC', 'mode=20', 'mode=20'), 'mode=20');
    assert.equal(agreed('iLBC', 'mode=20', undefined), 'mode=30');
    assert.equal(agreed('iLBC', undefined, 'mode=20'), undefined);
  });

  it('hands on what an Opus receiver says of itself, which binds nobody else', () => {
    const fmtp = 'maxplaybackrate=16000; stereo=0; useinbandfec=1';
    assert.equal(agreed('opus', fmtp, 'stereo=1;maxaveragebitrate=64000'), fmtp);
    assert.equal(agreed('opus', undefined, 'stereo=1'), undefined);
  });

  it('leaves the events that both sides know', () => {
    assert.equal(agreed('telephone-event', '0-16', '0-16'), '0-16');
    assert.equal(agreed('telephone-event', '0-16', '0-15'), '0-15');
    assert.equal(agreed('telephone-event', '0-16', undefined), '0-15');
    assert.equal(agreed('telephone-event', undefined, '0-9,11'), '0-9,11');
    assert.equal(agreed('telephone-event', '0-15', '66,70'), null);
    assert.equal(agreed('telephone-event', '0-999'), '0-15');
  });

  it('joins a codec without a rule only when nothing differs', () => {
    assert.equal(agreed('G7221', 'bitrate=32000', 'bitrate=24000'), null);
    assert.equal(agreed('G7221', 'bitrate=32000; x', 'X;bitrate=32000'), 'bitrate=32000; x');
    assert.equal(agreed('speex'), undefined);
  });

  it('says of two sides the same whichever is asked, and nothing of other codecs, rates or channels', () => {
    const name = fc.constantFrom('G729', 'AMR', 'AMR-WB', 'iLBC', 'opus', 'telephone-event', 'G7221');
    const parameter = fc.constantFrom(
      ...['annexb=no', 'octet-align=1', 'mode-set=1,2', 'mode-set=2', 'mode=20', 'crc=1', '0-11', '5,16', 'x=1', ';;='],
    );
    const fmtp = fc.oneof(
      fc.array(parameter, { maxLength: 3 }).map((parts) => parts.join('; ')),
      fc.string(),
    );
    fc.assert(
      fc.property(name, fmtp, fmtp, (codec, a, b) => {
        assert.equal(canJoin(format(codec, a), format(codec, b)), canJoin(format(codec, b), format(codec, a)));
        const first = agreed(codec, a, b);
        // What was agreed is agreed for good.
        if (first !== null) assert.equal(agreed(codec, first, b), first);
      }),
    );
    assert.equal(canJoin(format('PCMA'), format('PCMU')), false);
    assert.equal(canJoin(format('L16'), { ...format('L16'), channels: 2 }), false);
    assert.equal(canJoin(format('G722'), { ...format('G722'), clockRateHz: 16_000 }), false);
  });
});
