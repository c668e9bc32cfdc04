// The config of one case: a small base with N channels and short clocks, and the case's adjustments over it.
import { join } from 'node:path';
import type { SipCase } from './case-file.js';

/** Ports and folders that a run of the case was given. */
export interface CasePlaces {
  readonly folder: string;
  readonly mediaPorts: { readonly from: number; readonly to: number };
  readonly gatewayPorts: ReadonlyMap<string, number>;
  /** SIP port of simtrunk; 0 for any. */
  readonly sipPort: number;
  /** A drachtio-server in place of the embedded SIP server; it listens where it was told to. */
  readonly drachtio?: DrachtioPlace | undefined;
  /** URL of an rtpengine in place of the embedded relay. */
  readonly rtpengine?: string | undefined;
}

export interface DrachtioPlace {
  readonly host: string;
  readonly port: number;
  readonly secret: string;
}

/** T1 of every case: 64·T1, the longest wait of a transaction, is then 6.4 s instead of 32 s. */
const T1_MS = 100;

/** Every class but the paid ones; 1,000 s and 10 callees a day for each SIM, so that a case can count. */
export const BASE_PLAN = {
  name: 'metered',
  timeZone: 'Asia/Seoul',
  currency: 'KRW',
  commercialUse: 'allowed',
  classes: ['mobile', 'landline', 'internet', 'representative', 'special', 'emergency'],
  rounding: { firstSeconds: 1, thenSeconds: 1 },
  windowEdge: 'split',
  maxCallSeconds: 600,
  allowances: [
    {
      id: 'seconds-day',
      counts: 'seconds',
      window: { kind: 'day' },
      limit: 1000,
      classes: ['mobile', 'landline', 'internet', 'representative'],
      beyond: { kind: 'forbid' },
    },
    {
      id: 'callees-day',
      counts: 'callees',
      window: { kind: 'day' },
      limit: 10,
      classes: ['mobile', 'landline', 'internet', 'representative'],
      beyond: { kind: 'forbid' },
    },
  ],
} as const;

/** ICCID of the nth SIM, counted over all gateways from 1. */
export function iccidOf(n: number): string {
  return `8982050000000${String(n).padStart(6, '0')}`;
}

/** Number of the nth SIM. */
export function simNumberOf(n: number): string {
  return `+8210400${String(n).padStart(5, '0')}`;
}

export function buildConfig(sipCase: SipCase, places: CasePlaces): Record<string, unknown> {
  const gateways = sipCase.gateways.filter(({ isPbx }) => !isPbx);
  const ports = gateways.flatMap((gateway) =>
    Array.from({ length: gateway.channels }, (_, i) => ({ gateway: gateway.name, port: i + 1 })),
  );
  const base = {
    networks: [
      {
        name: 'lan',
        bind: '127.0.0.1',
        mediaPorts: places.mediaPorts,
        sip: [
          { transport: 'udp', port: places.sipPort },
          { transport: 'tcp', port: places.sipPort },
        ],
      },
    ],
    sip: {
      ...(places.drachtio === undefined ? { t1Ms: T1_MS, t2Ms: 400, t4Ms: 500 } : { drachtio: places.drachtio }),
    },
    trunks: [{ name: 'pbx', network: 'lan', sources: ['127.0.0.1'], codecs: ['PCMA', 'PCMU'] }],
    gateways: gateways.map((gateway) => ({
      name: gateway.name,
      network: 'lan',
      address: `${gateway.address}:${places.gatewayPorts.get(gateway.name)}`,
      transport: gateway.transport,
      dial: '{port}#{number}',
      codecs: ['PCMA', 'PCMU'],
      firstResponseTimeoutMs: 1000,
      progressTimeoutMs: 3000,
      ringTimeoutMs: 6000,
      gapMs: 100,
      probe: false,
      ...(withPorts(gateway.settings, places.gatewayPorts) as Record<string, unknown>),
    })),
    plans: [BASE_PLAN],
    sims: ports.map((_, i) => ({ iccid: iccidOf(i + 1), number: simNumberOf(i + 1), plan: BASE_PLAN.name })),
    channels: ports.map((port, i) => ({ ...port, sim: iccidOf(i + 1) })),
    call: { maxAttempts: 3, setupTimeoutMs: 20_000 },
    ...(places.rtpengine !== undefined && {
      media: { engine: 'rtpengine', rtpengine: { engines: [{ url: places.rtpengine }], watchIntervalMs: 500 } },
    }),
    ledger: { file: join(places.folder, 'simtrunk.db') },
    recording: { enabled: true, dir: join(places.folder, 'recordings'), minFreeBytes: 0 },
    cdr: { sinks: [{ kind: 'ndjson', dir: join(places.folder, 'cdr') }] },
    log: { level: 'debug' },
  };
  const own = withPorts(withToday(sipCase.config, Date.now()), places.gatewayPorts);
  return mergeOver(base, own) as Record<string, unknown>;
}

/**
 * `$noonZone` becomes a time zone in which it is about noon, so that no day turns while a case runs; `$dayOfMonth` the day of
 * the month there.
 */
export function withToday(value: unknown, nowMs: number): unknown {
  const eastOfUtc = 12 - new Date(nowMs).getUTCHours();
  // The sign of these zones is that of POSIX: Etc/GMT-9 is nine hours ahead.
  if (value === '$noonZone') return `Etc/GMT${eastOfUtc > 0 ? '-' : '+'}${Math.abs(eastOfUtc)}`;
  if (value === '$dayOfMonth') return new Date(nowMs + eastOfUtc * 3_600_000).getUTCDate();
  if (Array.isArray(value)) return value.map((entry) => withToday(entry, nowMs));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, withToday(entry, nowMs)]));
}

/** `$portOf.gw1` in a text becomes the port of that gateway. */
function withPorts(value: unknown, ports: ReadonlyMap<string, number>): unknown {
  if (typeof value === 'string') {
    return value.replaceAll(/\$portOf\.([\w-]+)/g, (_, gateway: string) => String(ports.get(gateway)));
  }
  if (Array.isArray(value)) return value.map((entry) => withPorts(entry, ports));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, withPorts(entry, ports)]));
}

/** Objects are merged by key, where null takes a key away; a list of objects by index, where the case names fewer; all else is replaced. */
export function mergeOver(base: unknown, over: unknown): unknown {
  if (Array.isArray(base) && Array.isArray(over) && over.every(isObject) && base.every(isObject)) {
    return [...base.map((entry, i) => mergeOver(entry, over[i] ?? {})), ...over.slice(base.length)];
  }
  if (!isObject(base) || !isObject(over)) return over;
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    if (value === null) delete merged[key];
    else merged[key] = key in base ? mergeOver(base[key], value) : value;
  }
  return merged;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
