// What trunks, gateways and channels allow in their session descriptions: from the file's keys to the policies that calls ask.
import type { MediaPolicy } from '../sdp/media-policy.js';
import type { Transcoder } from '../sdp/select-codecs.js';
import type { ConfigFile } from './schema.js';

type PeerKeys = Pick<
  ConfigFile['gateways'][number],
  'codecs' | 'preferredCodecs' | 'forbiddenCodecs' | 'ptimeMs' | 'srtp' | 't38' | 'dtmf'
>;
type ChannelKeys = Pick<ConfigFile['channels'][number], 'codecs' | 'preferredCodecs' | 'forbiddenCodecs' | 'ptimeMs'>;

export function mediaPolicyOf(peer: PeerKeys): MediaPolicy {
  const { codecs, preferredCodecs, forbiddenCodecs, ptimeMs, srtp, t38, dtmf } = peer;
  return {
    codecs: codecs.filter((codec) => !forbiddenCodecs.includes(codec)),
    preferred: preferredCodecs,
    ptimeMs: ptimeMs ?? null,
    srtp,
    t38,
    dtmf,
  };
}

/** The policy of a channel: its own keys in place of its gateway's, and what is forbidden to either is. Null: the gateway's. */
export function channelMediaOf(channel: ChannelKeys, gateway: PeerKeys): MediaPolicy | null {
  const { codecs, preferredCodecs, forbiddenCodecs, ptimeMs } = channel;
  if (codecs === undefined && preferredCodecs === undefined && forbiddenCodecs === undefined && ptimeMs === undefined) {
    return null;
  }
  return mediaPolicyOf({
    codecs: codecs ?? gateway.codecs,
    preferredCodecs: preferredCodecs ?? gateway.preferredCodecs,
    forbiddenCodecs: [...gateway.forbiddenCodecs, ...(forbiddenCodecs ?? [])],
    ptimeMs: ptimeMs ?? gateway.ptimeMs,
    srtp: gateway.srtp,
    t38: gateway.t38,
    dtmf: gateway.dtmf,
  });
}

/** The policies of channels that have one of their own, by gateway and then by channel id. */
export function channelPolicies({
  channels,
  gateways,
}: Pick<ConfigFile, 'channels' | 'gateways'>): ReadonlyMap<string, ReadonlyMap<string, MediaPolicy>> {
  const byGateway = new Map(gateways.map((gateway) => [gateway.name, new Map<string, MediaPolicy>()]));
  const keys = new Map(gateways.map((gateway) => [gateway.name, gateway]));
  for (const channel of channels) {
    const gateway = keys.get(channel.gateway);
    const policy = gateway && channelMediaOf(channel, gateway);
    if (policy) byGateway.get(channel.gateway)?.set(`${channel.gateway}/${channel.port}`, policy);
  }
  return byGateway;
}

/** Between which codecs the media engine of this config transcodes, without asking it: the relay, G.711; rtpengine, those listed. */
export function transcoderOf({ media }: Pick<ConfigFile, 'media'>): Transcoder {
  const names: readonly string[] =
    media.engine === 'rtpengine' ? (media.rtpengine?.transcodes ?? []) : ['PCMA', 'PCMU'];
  return { transcodes: (from, to) => names.includes(from) && names.includes(to) };
}
