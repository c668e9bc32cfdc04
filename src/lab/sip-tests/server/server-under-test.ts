// The server of the SIPp cases with its application: the embedded one, or the drachtio-server that DRACHTIO_HOST names.
import { startSipServer } from '../../../sip-server/start-sip-server.js';
import { type LabApplication, startLabApplication } from './lab-application.js';
import type { Place } from './message-relay.js';

export interface ServerUnderTest {
  readonly isExternal: boolean;
  readonly t1Ms: number;
  readonly application: LabApplication;
  place(transport: 'udp' | 'tcp'): Place;
  /** Of the embedded server. */
  counters(): Promise<object>;
  close(): Promise<void>;
}

export interface ExternalDrachtio {
  readonly host: string;
  readonly port: number;
  readonly secret: string;
}

/** By DRACHTIO_HOST, DRACHTIO_PORT and DRACHTIO_SECRET, as the contract suite reads them; null without a host. */
export function findExternalDrachtio(): ExternalDrachtio | null {
  const host = process.env.DRACHTIO_HOST;
  if (host === undefined || host === '') return null;
  return { host, port: Number(process.env.DRACHTIO_PORT ?? 9022), secret: process.env.DRACHTIO_SECRET ?? 'cymru' };
}

export async function startServerUnderTest(t1Ms: number): Promise<ServerUnderTest> {
  const secret = 'lab';
  const server = await startSipServer({
    listeners: [
      { transport: 'udp', address: '127.0.0.1', port: 0, advertise: '127.0.0.1' },
      { transport: 'tcp', address: '127.0.0.1', port: 0, advertise: '127.0.0.1' },
    ],
    admin: { address: '127.0.0.1', port: 0, secret },
    timers: { t1Ms, t2Ms: 8 * t1Ms, t4Ms: 10 * t1Ms },
    maxMessageBytes: 65_535,
  });
  const application = await startLabApplication({ host: '127.0.0.1', port: server.adminPort, secret });
  return {
    isExternal: false,
    t1Ms,
    application,
    place: (transport) => placeOf(application.hostport, transport),
    counters: () => server.counters(),
    close: async () => {
      application.close();
      await server.close();
    },
  };
}

/** T1 is what it is there: 500 ms by default. */
export async function useExternal(drachtio: ExternalDrachtio): Promise<ServerUnderTest> {
  const application = await startLabApplication(drachtio);
  return {
    isExternal: true,
    t1Ms: 500,
    application,
    place: (transport) => placeOf(application.hostport, transport),
    counters: async () => ({}),
    close: async () => application.close(),
  };
}

/** @param hostport as a server tells it, e.g. `udp/127.0.0.1:5060,tcp/127.0.0.1:5060` */
function placeOf(hostport: string, transport: string): Place {
  const match = new RegExp(`${transport}/([^,]+):(\\d+)`).exec(hostport);
  if (match === null) throw new Error(`The server does not listen on ${transport}: ${hostport}`);
  return { address: match[1] as string, port: Number(match[2]) };
}
