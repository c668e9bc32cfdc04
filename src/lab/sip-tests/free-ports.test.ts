import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { freePort, freePortRange, isListening, isTaken } from './free-ports.js';

describe('free ports', () => {
  it('are never given twice', async () => {
    const ports = await Promise.all(Array.from({ length: 50 }, () => freePort()));
    assert.equal(new Set(ports).size, 50);
  });

  it('come in a row that begins with an even number', async () => {
    const first = await freePortRange(8);
    assert.equal(first % 2, 0);
    assert.equal(await isTaken('udp', '127.0.0.1', first + 7), false);
  });

  it('are told from taken ones, for each transport', async () => {
    const udp = createSocket('udp4').bind(0, '127.0.0.1');
    await once(udp, 'listening');
    const tcp = createServer().listen(0, '127.0.0.1');
    await once(tcp, 'listening');
    const tcpPort = (tcp.address() as { port: number }).port;
    try {
      assert.equal(await isTaken('udp', '127.0.0.1', udp.address().port), true);
      assert.equal(await isTaken('tcp', '127.0.0.1', tcpPort), true);
    } finally {
      udp.close();
      tcp.close();
    }
  });

  it('are seen to be listened at without being bound, so that nobody who is about to is refused', async () => {
    const port = await freePort();
    assert.equal(await isListening('udp', '127.0.0.1', port), false);
    assert.equal(await isListening('tcp', '127.0.0.1', port), false);
    for (let round = 0; round < 50; round++) {
      const asked = Array.from({ length: 5 }, () => isListening('udp', '127.0.0.1', port));
      const udp = createSocket('udp4').bind(port, '127.0.0.1');
      await once(udp, 'listening');
      await Promise.all(asked);
      assert.equal(await isListening('udp', '127.0.0.1', port), true);
      udp.close();
      await once(udp, 'close');
    }
    const tcp = createServer().listen(port, '127.0.0.1');
    await once(tcp, 'listening');
    assert.equal(await isListening('tcp', '127.0.0.1', port), true);
    tcp.close();
  });
});
