import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type StreamContext, StreamListener, type StreamListenerEvents } from './stream-listener.js';

const OPENING_MS = 40;
const REQUEST = Buffer.from('OPTIONS sip:a@127.0.0.1 SIP/2.0\r\n\r\n', 'latin1');
const INDIFFERENT: StreamListenerEvents = {
  refuses: () => false,
  closed: () => undefined,
  message: () => undefined,
  keepalive: () => undefined,
  broken: () => undefined,
  lost: () => undefined,
  turnedAway: () => undefined,
  error: () => undefined,
};

/** Nothing in this thread goes on for so long. */
function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

describe('a stream listener', () => {
  let listener: StreamListener;
  const context: StreamContext = {
    limits: { maxMessageBytes: 65_535, maxHeaderBytes: 16_384 },
    mostAccepted: 10,
    accepted: 0,
    openingMs: OPENING_MS,
    now: () => performance.now(),
  };

  beforeEach(async () => {
    const at = { transport: 'tcp', address: '127.0.0.1', port: 0, advertise: '127.0.0.1' } as const;
    listener = await StreamListener.open(at, context, INDIFFERENT);
  });

  afterEach(() => listener.close());

  it('does not take its own standing still for a peer that is slow to connect', async () => {
    const peer = createServer();
    peer.listen(0, '127.0.0.1');
    await once(peer, 'listening');
    const { port } = peer.address() as AddressInfo;
    const failures: Error[] = [];
    listener.send(REQUEST, { listener, address: '127.0.0.1', port, connection: null }, (cause) => failures.push(cause));
    standStill(3 * OPENING_MS);
    const [socket] = (await once(peer, 'connection')) as [Socket];
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    assert.deepEqual([bytes.equals(REQUEST), failures], [true, []]);
    socket.destroy();
    peer.close();
  });
});
