import assert from 'node:assert/strict';
import { sequenceOf, ssrcOf, timestampOf } from '../rtp/rtp-header.js';
import { DelayHistogram, loadPortOf, loadPortsOf, SendingStream, sentMsOf } from './media-load.js';

describe('the load of the media benchmark', () => {
  it('counts sequence and timestamp through the ends of their ranges, and carries the time of sending', () => {
    const stream = new SendingStream(4000, 3, 0);
    let before = Buffer.from(stream.next(0));
    for (let index = 1; index < 1_000; index += 1) {
      const packet = stream.next(index * 20);
      assert.equal(sequenceOf(packet), (sequenceOf(before) + 1) & 0xffff);
      assert.equal(timestampOf(packet), (timestampOf(before) + 160) >>> 0);
      assert.equal(ssrcOf(packet), 4);
      assert.equal(sentMsOf(packet, 4), index * 20);
      before = Buffer.from(packet);
    }
  });

  it('knows a packet that is not its own', () => {
    const packet = new SendingStream(4000, 3, 0).next(1);
    assert.ok(Number.isNaN(sentMsOf(packet, 3)));
    assert.ok(Number.isNaN(sentMsOf(packet.subarray(0, 100), 4)));
  });

  it('gives both sides of a call even ports of their own within what was claimed', () => {
    for (let stream = 0; stream < 100; stream += 2) {
      const [caller, callee] = [loadPortOf(12_000, stream), loadPortOf(12_000, stream + 1)];
      assert.notEqual(caller, callee);
      assert.ok(caller % 2 === 0 && callee % 2 === 0 && callee + 1 < 12_000 + loadPortsOf(50));
    }
  });

  it('tells quantiles of delays to 10 µs', () => {
    const delays = new DelayHistogram();
    for (let hundredth = 1; hundredth <= 100; hundredth += 1) delays.add(hundredth / 100 - 0.005);
    assert.equal(delays.quantile(0.5), 0.5);
    assert.equal(delays.quantile(0.99), 0.99);
    delays.clear();
    assert.ok(Number.isNaN(delays.quantile(0.5)));
    delays.add(1e9);
    assert.ok(delays.quantile(0.5) > 2_000);
  });
});
