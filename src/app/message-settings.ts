// What text messages go by, from the config: made anew for each config that is read.
import type { Config } from '../config/config.js';
import type { MessageGateway, MessageSettings } from '../messages/message-ports.js';
import type { TextLimits } from '../messages/message-text.js';

/** Of a trunk that may not send any. */
export const CONFIGURED_REFUSAL = 'refused-for-this-message';

/** Gateways that send messages; others may receive them alone. */
export function messageGateways({ messages }: Config): readonly MessageGateway[] {
  const known = new Map<string, TextLimits>();
  const sameFor = (limits: TextLimits) => {
    const key = JSON.stringify(limits);
    const same = known.get(key) ?? limits;
    known.set(key, same);
    return same;
  };
  return messages.gateways
    .filter(({ via }) => via !== 'none')
    .map(({ gateway: name, limits, gapMs, onSilence }) => ({ name, limits: sameFor(limits), gapMs, onSilence }));
}

export function messageSettings(config: Config): MessageSettings {
  const { maxAttempts, maxWaitSeconds, maxQueued, defaultTrunk, affinityHours } = config.messages;
  return {
    gateways: messageGateways(config),
    ...{
      maxAttempts,
      maxWaitMs: maxWaitSeconds * 1_000,
      maxQueued,
      defaultTrunk,
      affinityMs: affinityHours * 3_600_000,
    },
  };
}
