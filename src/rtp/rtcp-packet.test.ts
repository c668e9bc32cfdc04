import assert from 'node:assert/strict';
import fc from 'fast-check';
import { packets } from 'rtp.js';
import { isRtcp } from './rtcp-packet.js';

function compound(): Uint8Array {
  const report = new packets.ReceiverReportPacket();
  report.setSsrc(1);
  const bye = new packets.ByePacket();
  bye.setSsrcs([1, 2]);
  const made = new packets.CompoundPacket();
  made.addPacket(report);
  made.addPacket(bye);
  made.serialize();
  const view = made.getView();
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

describe('isRtcp', () => {
  it('takes a compound packet', () => {
    assert.ok(isRtcp(compound()));
  });

  it('takes no packet whose lengths do not add up, cut short or too long', () => {
    const whole = compound();
    for (let length = 0; length < whole.length; length += 1) {
      // What is left after the first packet of a compound is a packet of its own.
      assert.equal(isRtcp(whole.subarray(0, length)), length === 8, `${length} bytes`);
    }
    assert.equal(isRtcp(Uint8Array.of(...whole, 0, 0, 0, 0)), false);
  });

  it('takes neither RTP nor arbitrary bytes', () => {
    assert.equal(isRtcp(Uint8Array.of(0x80, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0)), false);
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => typeof isRtcp(bytes) === 'boolean'));
  });
});
