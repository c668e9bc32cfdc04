// Joins the control socket to the parts of the running service: what an operator may ask of each.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CallRegistry } from '../call/call-registry.js';
import type { ProbeCalls } from '../call/probe-calls.js';
import { type ControlCommands, createControlCommands } from '../control/control-commands.js';
import type { ControlPorts, EnginePort } from '../control/control-ports.js';
import { CONTROL_SOCKET_NAME } from '../control/control-protocol.js';
import { type ControlServer, openControlServer } from '../control/control-server.js';
import { describeLiveCall } from '../control/live-call-report.js';
import type { ServicePort } from '../control/service-report.js';
import {
  type DoNotCallStatus,
  type LineStatus,
  type RegistrationStatus,
  type StatusReport,
  tallyChannels,
} from '../control/status-report.js';
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import type { Ledger } from '../quota/ledger.js';
import type { LedgerView } from '../quota/ledger-view.js';
import type { Routing } from '../routing/routing.js';
import type { SipOperations } from '../sip-server/control.js';
import { channelPort, suspensionReport } from './channel-reports.js';
import type { Drain } from './drain.js';
import { leavingPeers } from './leaving-peers.js';
import type { Reload } from './reload.js';
import type { SimStateSide } from './start-sim-state.js';
import type { SipListener } from './start-sip.js';
import type { CounterSide } from './watch-counters.js';
import type { StreakSide } from './watch-streaks.js';

const packageFile = new URL('../../package.json', import.meta.url);
const VERSION = String(JSON.parse(readFileSync(packageFile, 'utf8')).version);

export interface ControlledParts {
  readonly registry: CallRegistry;
  readonly routes: Pick<Routing<unknown>, 'gatewayState' | 'isGatewayCooling'>;
  readonly route: ControlPorts['route'];
  readonly ledger: Pick<Ledger, 'usageOf' | 'usageOfPayer' | 'verify' | 'adjust' | 'adjustments' | 'orphans'> & {
    readonly view: Pick<LedgerView, 'channelState'>;
  };
  readonly journal: { readonly isStalled: boolean };
  /** False while a shared ledger cannot be reached. */
  isLedgerReached(): boolean;
  readonly sip: SipOperations | null;
  /** Null with the embedded relay. */
  readonly engines: EnginePort | null;
  readonly listeners: readonly SipListener[];
  lines(): readonly LineStatus[];
  registrations(): readonly RegistrationStatus[];
  readonly simState: Pick<SimStateSide, 'states' | 'statuses'>;
  readonly streaks: StreakSide;
  readonly probes: Pick<ProbeCalls, 'probeNow'>;
  readonly counts: Pick<CounterSide, 'compare' | 'comparisons'>;
  doNotCall(): readonly DoNotCallStatus[];
  counters(): Promise<object>;
  readonly reload: Pick<Reload, 'config'>;
  readonly reloadAll: ServicePort['reload'];
  readonly drain: Drain;
}

/** @throws SimtrunkError CONTROL_IN_USE or CONTROL_UNAVAILABLE */
export async function startControl(parts: ControlledParts, clock: Clock, log: Logger): Promise<ControlServer> {
  const path = join(parts.reload.config.dataDir, CONTROL_SOCKET_NAME);
  return openControlServer({ path, commands: controlCommands(parts, clock, log), clock, log });
}

function controlCommands(parts: ControlledParts, clock: Clock, log: Logger): ControlCommands {
  const { registry, routes, ledger, sip, reload } = parts;
  const startedAtMs = clock.wallMs();
  const startedMs = clock.monotonicMs();
  return createControlCommands({
    async status(): Promise<StatusReport> {
      const { config } = reload;
      const tallies = tallyChannels(config.channels, (channelId) => ledger.view.channelState(channelId));
      const tallyOf = (gateway: string | null) => tallies.get(gateway) ?? { idle: 0, busy: 0, resting: 0, disabled: 0 };
      return {
        version: VERSION,
        node: process.versions.node,
        pid: process.pid,
        state: registry.refusal === 'shutdown' ? 'stopping' : (parts.drain.state?.state ?? 'running'),
        drainDeadlineAtMs: parts.drain.state?.deadlineAtMs ?? null,
        startedAtMs,
        upSeconds: Math.floor((clock.monotonicMs() - startedMs) / 1_000),
        config: config.file,
        dataDir: config.dataDir,
        listeners: parts.listeners,
        liveCalls: registry.size,
        channels: tallyOf(null),
        gateways: config.gateways.map(({ name, probe }) => ({
          name,
          state: routes.gatewayState(name),
          isCooling: routes.isGatewayCooling(name),
          isProbed: probe !== false,
          channels: tallyOf(name),
        })),
        leaving: leavingPeers(registry.calls(), config),
        ledger: {
          kind: config.ledger.kind,
          durability: config.ledger.durability,
          file: config.ledger.file,
          isAway: !parts.isLedgerReached(),
          isStalled: parts.journal.isStalled,
          orphans: ledger.orphans().length,
        },
        lines: parts.lines(),
        registrations: parts.registrations(),
        suspended: parts.streaks.list().map((one) => ({ channelId: one.channelId, ...suspensionReport(one) })),
        simStatus: parts.simState.statuses(),
        doNotCall: parts.doNotCall(),
        counters: { ...(await parts.counters()) },
      };
    },
    route: parts.route,
    calls: {
      list: () => registry.calls().map(({ state }) => describeLiveCall(state, clock.monotonicMs())),
      hangUp(callId) {
        const call = registry.calls().find(({ id, state }) => id === callId || state.request.sipCallId === callId);
        if (call === undefined) return null;
        const before = describeLiveCall(call.state, clock.monotonicMs());
        call.end('operator');
        return before;
      },
    },
    service: {
      reload: parts.reloadAll,
      drain: (request) => parts.drain.begin(request),
      drainState: () => parts.drain.state,
      resume: () => parts.drain.resume(),
    },
    ledger: {
      verify: () => ledger.verify(),
      adjust: (adjustment) => ledger.adjust(adjustment),
      adjustments: (query) => ledger.adjustments(query),
      usageOf: (simId, wallMs) => ledger.usageOf(simId, wallMs),
      usageOfPayer: (payer, wallMs) => ledger.usageOfPayer(payer, wallMs),
      get sims() {
        return reload.config.sims;
      },
      wallMs: () => clock.wallMs(),
      isAway: () => !parts.isLedgerReached(),
    },
    sip,
    engines: parts.engines,
    channels: channelPort({
      config: () => parts.reload.config,
      streaks: parts.streaks,
      probes: parts.probes,
      counts: parts.counts,
      states: parts.simState.states,
      stateOf: (channelId) => ledger.view.channelState(channelId),
    }),
    log,
  });
}
