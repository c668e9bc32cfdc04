// Calls from mobiles, from the config: which gateways' are taken and how they name their channels, and where such calls go.
import type { ReceivingSettings } from '../call/incoming-routes.js';
import type { Config } from '../config/config.js';
import type { CallingGateway } from '../signalling/signalling-settings.js';

export function callingGateways({ gateways, channels, sims, credentials }: Config): readonly CallingGateway[] {
  const numbers = new Map(sims.map(({ simId, number }) => [simId, number]));
  return gateways.flatMap(({ name, host, port, inbound }) => {
    if (inbound === undefined) return [];
    const own = channels.filter(({ gateway }) => gateway === name);
    const calling = own.map(({ channelId, port: channelPort, line, simId }) => {
      const account = credentials.channels.get(channelId)?.username;
      return { channelId, port: channelPort, line, account, simNumber: numbers.get(simId) ?? '' };
    });
    const { channelFrom, callerFrom } = inbound;
    return [{ name, host, port, channelFrom, callerFrom, channels: calling }];
  });
}

export function receivingSettings({ trunks, gateways, channels, sims }: Config): ReceivingSettings {
  const numbers = new Map(sims.map(({ simId, number }) => [simId, number]));
  const receiving = gateways.flatMap((gateway) => {
    const { inbound } = gateway;
    return inbound === undefined ? [] : [{ ...gateway, trunk: inbound.trunk }];
  });
  return {
    trunks,
    gateways: receiving,
    channels: channels.map((channel) => ({ ...channel, simNumber: numbers.get(channel.simId) ?? '' })),
  };
}
