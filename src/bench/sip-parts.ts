// The processes of a SIP benchmark: a server (the embedded one, or a drachtio-server that runs already) and its application.
import { SimtrunkError } from '../lib/errors.js';
import { type MeasuredProcess, startMeasured } from './child-process.js';
import { pidListeningOn } from './listening-process.js';
import type { SipApplicationOrder, SipApplicationReady, SipApplicationReport } from './sip-application-child.js';
import type { SipServerOrder, SipServerReady, SipServerReport } from './sip-server-child.js';

export interface DrachtioAddress {
  readonly host: string;
  readonly port: number;
  readonly secret: string;
  /** Of the process whose CPU is counted, when it is not found by its admin port. */
  readonly pid: number | undefined;
}

export type ApplicationProcess = MeasuredProcess<SipApplicationReady, SipApplicationReport>;
export type ServerProcess = MeasuredProcess<SipServerReady, SipServerReport>;

/** A server and its application, ready for calls. */
export interface SipParts {
  readonly name: string;
  readonly sipAddress: string;
  /** Of the server; undefined when it runs elsewhere or cannot be seen. */
  readonly serverPid: number | undefined;
  readonly application: ApplicationProcess;
  stop(): Promise<void>;
}

export interface EmbeddedOptions {
  readonly calleePort: number;
  readonly t1Ms?: number;
  /** Folder for V8's CPU profiles of both processes, one for each thread. */
  readonly profileFolder?: string | undefined;
}

export interface EmbeddedParts extends SipParts {
  readonly server: ServerProcess;
}

export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedParts> {
  const { calleePort, t1Ms = 500, profileFolder } = options;
  const profiling = profileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`];
  const secret = 'bench';
  const order: SipServerOrder = { secret, t1Ms };
  const server = await startMeasured<SipServerReady, SipServerReport>('./sip-server-child.js', order, profiling);
  try {
    const admin = { host: '127.0.0.1', port: server.ready.adminPort, secret };
    const application = await startApplication({ ...admin, calleePort });
    return {
      name: 'embedded',
      sipAddress: `127.0.0.1:${server.ready.sipPort}`,
      serverPid: server.pid,
      server,
      application,
      stop: async () => {
        await application.stop();
        await server.stop();
      },
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/**
 * The same application on a drachtio-server that runs already, and is left running.
 * @throws SimtrunkError SIP_SERVER_UNREACHABLE
 */
export async function startExternal(drachtio: DrachtioAddress, calleePort: number): Promise<SipParts> {
  const { host, port, secret } = drachtio;
  const application = await startApplication({ host, port, secret, calleePort }).catch((cause: unknown) => {
    const text = `No drachtio-server at ${host}:${port} takes this secret. Start it, or correct --drachtio.`;
    throw new SimtrunkError('SIP_SERVER_UNREACHABLE', text, { cause });
  });
  const sipAddress = /udp\/([^,]+:\d+)/.exec(application.ready.hostport)?.[1];
  if (sipAddress === undefined) {
    await application.stop();
    throw new Error(`The drachtio-server has no UDP listener: ${application.ready.hostport}`);
  }
  return {
    name: `drachtio-server ${host}:${port}`,
    sipAddress,
    serverPid: drachtio.pid ?? pidListeningOn(port),
    application,
    stop: () => application.stop(),
  };
}

function startApplication(order: SipApplicationOrder): Promise<ApplicationProcess> {
  return startMeasured('./sip-application-child.js', order);
}
