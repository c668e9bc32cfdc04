// A bare drachtio-srf application, alone in its process: OPTIONS get 200, INVITEs go through createB2BUA and nothing else.
import { connectApplication } from '../sip-server/testing/test-application.js';
import { readOrder, serveParent } from './child-process.js';

export interface SipApplicationOrder {
  readonly host: string;
  readonly port: number;
  readonly secret: string;
  /** Where calls go on 127.0.0.1. */
  readonly calleePort: number;
}

export interface SipApplicationReady {
  /** The server's listeners as it told the application, e.g. `udp/127.0.0.1:5060,tcp/127.0.0.1:5060`. */
  readonly hostport: string;
}

export interface SipApplicationReport {
  readonly answered: number;
  readonly failed: number;
  readonly live: number;
}

const { calleePort, ...admin } = readOrder<SipApplicationOrder>();
let answered = 0;
let failed = 0;
let live = 0;
const connecting = connectApplication(admin, {
  options: (_request, answer) => answer.send(200),
  invite: (request, answer) => {
    srf.createB2BUA(request, answer, `sip:callee@127.0.0.1:${calleePort}`, {}).then(
      ({ uas, uac }) => {
        answered++;
        live++;
        const end = (): void => void live--;
        uas.on('destroy', () => void uac.destroy().then(end, end));
        uac.on('destroy', () => void uas.destroy().then(end, end));
      },
      () => failed++,
    );
  },
});
const { srf, hostport } = await connecting.catch((error: Error): never => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
const ready: SipApplicationReady = { hostport };
serveParent(
  ready,
  async (): Promise<object> => ({ answered, failed, live }) satisfies SipApplicationReport,
  async () => srf.disconnect(),
);
