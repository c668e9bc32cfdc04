import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { pidListeningOn } from './listening-process.js';

describe('pidListeningOn', () => {
  it('finds the process that listens, and nobody once it has stopped', async function () {
    if (!existsSync('/proc/net/tcp')) {
      console.log('      skipped: no /proc/net/tcp on this system');
      this.skip();
    }
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    assert.equal(pidListeningOn(port), process.pid);
    server.close();
    await once(server, 'close');
    assert.equal(pidListeningOn(port), undefined);
  });
});
