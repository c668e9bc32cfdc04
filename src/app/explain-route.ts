// What the running service would decide for a call now, and why: asked over the control socket and the HTTP API.
import type { Config } from '../config/config.js';
import { transcoderOf } from '../config/resolve-media.js';
import type { ControlPorts } from '../control/control-ports.js';
import { reportRoute, selectTrunk } from '../control/route-report.js';
import type { Clock } from '../lib/clock.js';
import type { Policy } from '../policy/admit-call.js';
import type { Ledger } from '../quota/ledger.js';
import type { LedgerView } from '../quota/ledger-view.js';
import type { Routing } from '../routing/routing.js';

export interface ExplainedParts {
  /** The one in force. */
  config(): Config;
  readonly admission: Policy;
  readonly routes: Pick<Routing<unknown>, 'decide' | 'explain'>;
  readonly ledger: Pick<Ledger, 'usageOf' | 'usageOfPayer' | 'fitPayers'> & { readonly view: LedgerView };
  /** False while a shared ledger cannot be reached. */
  isLedgerReached(): boolean;
  readonly clock: Clock;
}

export function explainRoutes(parts: ExplainedParts): ControlPorts['route'] {
  const { admission, routes, ledger, clock } = parts;
  return ({ dialled, trunk: name, agent = null, all }) => {
    const config = parts.config();
    const selected = selectTrunk(config.trunks, name);
    if (!selected.ok) return selected;
    const planOf = new Map(config.sims.map(({ simId, plan }) => [simId, plan]));
    const asked = {
      source: {
        ...{ config: config.file, ledger: config.ledger.file, isPartOnly: false },
        isLedgerAway: !parts.isLedgerReached(),
        runningService: true,
      },
      admit: admission.admit.bind(admission),
      routing: routes,
      transcoder: transcoderOf(config),
      view: ledger.view,
      planOf: (simId: string) => planOf.get(simId) ?? '',
      usageOf: (simId: string, wallMs: number) => ledger.usageOf(simId, wallMs),
      caps: ledger,
      maxCallSeconds: config.call.maxCallSeconds,
    };
    const enquiry = { dialled, trunk: selected.trunk, agent, all, wallMs: clock.wallMs() };
    return { ok: true, report: reportRoute(asked, enquiry) };
  };
}
