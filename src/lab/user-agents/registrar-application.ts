// A small drachtio-srf application for real user agents: they register, and call each other by name through createB2BUA.
import { type AdminAddress, connectApplication } from '../../sip-server/testing/test-application.js';

export interface RegistrarApplication {
  /** Name to the URI that it registered. */
  readonly registered: ReadonlyMap<string, string>;
  /** Told of what happens, e.g. `alice registered`, `alice calls bob`, `alice talks to bob`, `alice hung up on bob`. */
  onEvent(listener: (what: string) => void): void;
  close(): void;
}

const LONGEST_SECONDS = 3_600;

export async function startRegistrarApplication(admin: AdminAddress): Promise<RegistrarApplication> {
  const registered = new Map<string, string>();
  const listeners: ((what: string) => void)[] = [];
  const tell = (what: string): void => {
    for (const listener of listeners) listener(what);
  };
  const { srf } = await connectApplication(admin, {
    register: (request, answer) => {
      const name = userOf(request.get('To'));
      const contact = request.get('Contact') ?? '';
      const uri = /<([^>]+)>/.exec(contact)?.[1] ?? contact;
      const asked = /;\s*expires=(\d+)/i.exec(contact)?.[1] ?? request.get('Expires') ?? String(LONGEST_SECONDS);
      const seconds = Math.min(Number(asked), LONGEST_SECONDS);
      if (seconds === 0) registered.delete(name);
      else registered.set(name, uri);
      answer.send(200, { headers: { Contact: `<${uri}>;expires=${seconds}`, Expires: String(seconds) } });
      tell(`${name} ${seconds === 0 ? 'left' : 'registered'}`);
    },
    invite: (request, answer) => {
      const caller = userOf(request.get('From'));
      const callee = userOf(request.uri);
      const target = registered.get(callee);
      tell(`${caller} calls ${callee}`);
      if (target === undefined) {
        answer.send(404);
        return;
      }
      srf.createB2BUA(request, answer, target, {}).then(
        ({ uas, uac }) => {
          tell(`${caller} talks to ${callee}`);
          uas.on('destroy', () => {
            tell(`${caller} hung up on ${callee}`);
            uac.destroy().catch(() => undefined);
          });
          uac.on('destroy', () => {
            tell(`${callee} hung up on ${caller}`);
            uas.destroy().catch(() => undefined);
          });
        },
        (error: { status?: number }) => tell(`${callee} answered ${error.status} to ${caller}`),
      );
    },
  });
  return {
    registered,
    onEvent: (listener) => void listeners.push(listener),
    close: () => srf.disconnect(),
  };
}

function userOf(address: string | undefined): string {
  return /sips?:([^@>;]*)@/.exec(address ?? '')?.[1] ?? '';
}
