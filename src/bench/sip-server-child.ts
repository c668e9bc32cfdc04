// The embedded SIP server under measurement, alone in its process. Run by `startMeasured`.
import type { SipServerCounters } from '../sip-server/control.js';
import { startSipServer } from '../sip-server/start-sip-server.js';
import { readOrder, serveParent } from './child-process.js';

export interface SipServerOrder {
  readonly secret: string;
  readonly t1Ms: number;
}

export interface SipServerReady {
  readonly adminPort: number;
  readonly sipPort: number;
}

export type SipServerReport = SipServerCounters;

const { secret, t1Ms } = readOrder<SipServerOrder>();
const server = await startSipServer({
  listeners: [{ transport: 'udp', address: '127.0.0.1', port: 0, advertise: '127.0.0.1' }],
  admin: { address: '127.0.0.1', port: 0, secret },
  timers: { t1Ms, t2Ms: 8 * t1Ms, t4Ms: 10 * t1Ms },
  maxMessageBytes: 65_535,
});
const ready: SipServerReady = { adminPort: server.adminPort, sipPort: server.listeners[0]?.port ?? 0 };
serveParent(
  ready,
  () => server.counters(),
  () => server.close(),
);
