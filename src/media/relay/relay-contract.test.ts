import { MessageChannel } from 'node:worker_threads';
import { createLogger } from '../../lib/logger.js';
import { describeMediaPort } from '../media-port.contract.js';
import { startRelay } from './relay.js';
import type { RelayNetwork } from './relay-messages.js';
import { freePortRange } from './relay-test-kit.js';

const log = createLogger({ level: 'silent', redactNumbers: false });

/** One relay after another has the same ports. */
let networks: Promise<RelayNetwork[]> | undefined;

function networksOf(pairs: number): Promise<RelayNetwork[]> {
  return Promise.all(
    [
      ['lan', '127.0.0.1'],
      ['wan', '127.0.0.2'],
    ].map(async ([name = '', bind = '']) => ({
      ...{ name, bind, advertise: bind },
      mediaPorts: await freePortRange(pairs, bind),
    })),
  );
}

describeMediaPort(
  'relay',
  async ({ pairs }) => {
    networks ??= networksOf(pairs);
    const relay = await startRelay({ networks: await networks, log });
    return {
      port: relay.port,
      connectTap: (connect) => {
        const { port1, port2 } = new MessageChannel();
        relay.connectTap(port1);
        connect(port2);
      },
      kill: async () => {
        const ended = new Promise<unknown>((resolve) => relay.onExit(resolve));
        const doomed = await relay.port.open({ sessionId: 'doomed', callerNetwork: 'lan', calleeNetwork: 'lan' });
        // No remote at all is a defect of ours, which is what ends a thread.
        if (doomed.ok) doomed.session.setRemote('caller', null as never);
        await ended;
      },
      close: () => relay.close(),
    };
  },
  { mapsPayloadTypes: true, dropsForeignPayloadTypes: true, keepsHeaders: true, transcodes: true, plays: true },
);
