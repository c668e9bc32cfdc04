// What has left the config while calls of it are live: it drains, and is told of until the last of them is over.
import type { Config } from '../config/config.js';
import type { LeavingPeer } from '../control/status-report.js';

interface LiveCall {
  readonly state: {
    readonly request: {
      readonly trunk: { readonly name: string };
      readonly incoming?: { readonly channelId: string } | undefined;
    };
    readonly attempts: readonly { readonly channel: { readonly channelId: string } }[];
  };
}

export function leavingPeers(
  calls: readonly LiveCall[],
  { trunks, gateways, channels }: Pick<Config, 'trunks' | 'gateways' | 'channels'>,
): readonly LeavingPeer[] {
  const known = {
    trunk: new Set(trunks.map(({ name }) => name)),
    gateway: new Set(gateways.map(({ name }) => name)),
    channel: new Set(channels.map(({ channelId }) => channelId)),
  };
  const found = new Map<string, { readonly kind: LeavingPeer['kind']; readonly name: string; calls: number }>();
  const note = (kind: LeavingPeer['kind'], name: string): void => {
    if (known[kind].has(name)) return;
    const leaving = found.get(`${kind} ${name}`) ?? { kind, name, calls: 0 };
    leaving.calls += 1;
    found.set(`${kind} ${name}`, leaving);
  };
  for (const { state } of calls) {
    note('trunk', state.request.trunk.name);
    const channelId = state.request.incoming?.channelId ?? state.attempts.at(-1)?.channel.channelId;
    if (channelId === undefined) continue;
    const gateway = channelId.split('/')[0] ?? '';
    if (known.gateway.has(gateway)) note('channel', channelId);
    else note('gateway', gateway);
  }
  return [...found.values()];
}
