// Our registrations at gateways and carriers, from the config: what each REGISTER says, and over which way it goes.
import { randomUUID } from 'node:crypto';
import { isIP } from 'node:net';
import type { Config } from '../config/config.js';
import type { Clock } from '../lib/clock.js';
import { parseHostPort } from '../lib/host-port.js';
import type { Logger } from '../lib/logger.js';
import { isSameValue } from '../lib/same-value.js';
import { type RegisterSender, Registrations } from '../registrar/registrations.js';
import { gatewayUri } from '../routing/dial-uri.js';
import type { SipApplication } from '../signalling/sip-application.js';

/** A server that asks for credentials, perhaps behind a proxy that does, uses up so many numbers for one REGISTER. */
const CSEQ_STEP = 5;

export interface RunningRegistrations {
  states(): ReturnType<Registrations['states']>;
  /** Those that are gone or have changed are taken back, new ones begin. */
  reconfigure(next: Config): void;
  close(): Promise<void>;
}

export function startRegistrations(
  config: Config,
  application: Pick<SipApplication, 'register'>,
  clock: Clock,
  log: Logger,
): RunningRegistrations {
  let wanted = config;
  let senders = sendersOf(config);
  const sender: RegisterSender = {
    async register(name, expiresSeconds) {
      const sender = senders.get(name);
      if (sender === undefined) return null;
      const { cseq } = sender;
      sender.cseq += CSEQ_STEP;
      const response = await application.register({ ...sender.register, cseq, expiresSeconds });
      if (response === null) return null;
      return {
        status: response.status,
        contact: response.get('Contact'),
        expires: response.get('Expires'),
        minExpires: response.get('Min-Expires'),
        retryAfter: response.get('Retry-After'),
        sentContact: response.req.get('Contact'),
      };
    },
  };
  const registrations = new Registrations(config.registrations, sender, clock, log);
  registrations.start();
  return {
    states: () => registrations.states(),
    reconfigure(next) {
      const before = new Map(wanted.registrations.map((registration) => [registration.name, registration]));
      const accounts = wanted.credentials.registrations;
      const changed = new Set(
        next.registrations
          .filter((entry) => {
            const isSameAccount = isSameValue(accounts.get(entry.name), next.credentials.registrations.get(entry.name));
            return !isSameAccount || !isSameValue(before.get(entry.name), entry);
          })
          .map(({ name }) => name),
      );
      wanted = next;
      const nextSenders = sendersOf(next);
      const ended = registrations.reconfigure(next.registrations, changed);
      for (const [name, known] of senders)
        if (nextSenders.has(name) && !changed.has(name)) nextSenders.set(name, known);
      // What is taken back was asked for in this tick.
      senders = nextSenders;
      ended.catch((err) => log.warn({ err }, 'registrations could not be taken back'));
    },
    close: () => registrations.close(),
  };
}

function sendersOf({ registrations, credentials }: Config) {
  return new Map(
    registrations.map(({ name, registrar, transport, domain, user }) => {
      const { host, port } = parseHostPort(registrar) ?? { host: registrar, port: undefined };
      const nextHop = gatewayUri({ host, port, transport });
      const realm = domain ?? (isIP(host) === 6 ? `[${host}]` : host);
      const register = {
        // RFC 3261 §10.2: the request-URI names the domain, and no user.
        uri: domain === undefined ? nextHop : `sip:${domain}`,
        proxy: domain === undefined ? undefined : nextHop,
        aor: `sip:${encodeURIComponent(user)}@${realm}`,
        contactUser: encodeURIComponent(user),
        callId: randomUUID(),
        account: credentials.registrations.get(name),
      };
      return [name, { register, cseq: 1 }];
    }),
  );
}
