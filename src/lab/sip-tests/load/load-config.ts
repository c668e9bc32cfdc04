// The config of a load run: N channels behind gateways of 44 ports, plans small enough to be filled, recording for every call.
import { join } from 'node:path';
import { BASE_PLAN, iccidOf, simNumberOf } from '../case-config.js';

/** One of several nodes that share the channels. */
export interface LoadNode {
  readonly index: number;
  readonly count: number;
  readonly redisUrl: string;
}

export interface LoadPlaces {
  readonly folder: string;
  /** Null for one simtrunk by itself. */
  readonly node: LoadNode | null;
  readonly gateways: readonly LoadGateway[];
  readonly gatewayPorts: Readonly<Record<string, number>>;
}

export interface LoadGateway {
  readonly name: string;
  readonly simPorts: number;
}

const PORTS_PER_GATEWAY = 44;
/** Every tenth SIM may call one callee a day, so that the router must refuse it afterwards. */
const SCARCE_EVERY = 10;
const MEDIA_PORTS = { from: 33_000, to: 60_999 };

export function gatewaysFor(channels: number): LoadGateway[] {
  return Array.from({ length: Math.ceil(channels / PORTS_PER_GATEWAY) }, (_, i) => ({
    name: `gw${i + 1}`,
    simPorts: Math.min(PORTS_PER_GATEWAY, channels - i * PORTS_PER_GATEWAY),
  }));
}

/** Limits of each SIM by ICCID: three times the fair share of the calls, or next to nothing. */
export function limitsFor(channels: number, calls: number): Record<string, Record<string, number>> {
  const share = Math.ceil(calls / channels);
  return Object.fromEntries(
    Array.from({ length: channels }, (_, i) => [
      iccidOf(i + 1),
      isScarce(i)
        ? { 'seconds-day': 10, 'callees-day': 1 }
        : { 'seconds-day': 12 * share + 10, 'callees-day': 3 * share },
    ]),
  );
}

export function buildLoadConfig(places: LoadPlaces, limits: ReturnType<typeof limitsFor>): Record<string, unknown> {
  const ports = places.gateways.flatMap(({ name, simPorts }) =>
    Array.from({ length: simPorts }, (_, i) => ({ gateway: name, port: i + 1 })),
  );
  const plan = (name: string, sample: number) => ({
    ...BASE_PLAN,
    name,
    allowances: BASE_PLAN.allowances.map((allowance) => ({
      ...allowance,
      limit: limits[iccidOf(sample + 1)]?.[allowance.id] ?? 0,
    })),
  });
  return {
    networks: [
      { name: 'lan', bind: '127.0.0.1', mediaPorts: mediaPortsOf(places.node), sip: [{ transport: 'udp', port: 0 }] },
    ],
    trunks: [{ name: 'pbx', network: 'lan', sources: ['127.0.0.1'] }],
    gateways: places.gateways.map(({ name }) => ({
      name,
      network: 'lan',
      address: `127.0.0.1:${places.gatewayPorts[name]}`,
      firstResponseTimeoutMs: 1000,
      probe: false,
    })),
    plans: [plan('ample', 0), plan('scarce', SCARCE_EVERY - 1)],
    sims: ports.map((_, i) => ({
      iccid: iccidOf(i + 1),
      number: simNumberOf(i + 1),
      plan: isScarce(i) ? 'scarce' : 'ample',
    })),
    channels: ports.map((port, i) => ({ ...port, sim: iccidOf(i + 1) })),
    ledger: { file: join(places.folder, 'simtrunk.db'), ...sharedLedger(places.node) },
    // Short calls one after the other are what a load is made of.
    routing: { streaks: { shortAnswers: false }, ...(places.node !== null && { seed: places.node.index + 1 }) },
    recording: { enabled: true, dir: join(places.folder, 'recordings') },
    cdr: { sinks: [{ kind: 'ndjson', dir: join(places.folder, 'cdr') }] },
    log: { level: 'warn' },
  };
}

function sharedLedger(node: LoadNode | null) {
  return node === null ? {} : { kind: 'redis', redis: { url: node.redisUrl, node: `node${node.index + 1}` } };
}

/** Each node has a part of the range, even at both ends. */
function mediaPortsOf(node: LoadNode | null) {
  if (node === null) return MEDIA_PORTS;
  const part = Math.floor((MEDIA_PORTS.to - MEDIA_PORTS.from) / node.count / 2) * 2;
  const from = MEDIA_PORTS.from + node.index * part;
  return { from, to: from + part - 1 };
}

function isScarce(index: number): boolean {
  return index % SCARCE_EVERY === SCARCE_EVERY - 1;
}
