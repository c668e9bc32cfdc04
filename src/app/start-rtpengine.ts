// The engines of `media.rtpengine` as the config has them.
import type { Config } from '../config/config.js';
import type { Clock } from '../lib/clock.js';
import { SimtrunkError } from '../lib/errors.js';
import type { Logger } from '../lib/logger.js';
import { type RunningRtpengine, startRtpengine } from '../media/rtpengine/rtpengine.js';

/** @throws SimtrunkError when an address for copies or DTMF cannot be bound. */
export function startEngines({ media, networks }: Config, clock: Clock, log: Logger): Promise<RunningRtpengine> {
  const { rtpengine, dscp, keepDigits } = media;
  if (rtpengine === undefined) throw new SimtrunkError('CONFIG_INVALID', 'media.rtpengine names no engine.');
  return startRtpengine({
    ...rtpengine,
    engines: rtpengine.engines.map(({ url, weight, drain, interfaces, forkInterface }) => ({
      ...{ url, weight, interfaces, forkInterface },
      isDraining: drain,
    })),
    networks: networks.map(({ name, advertise }) => ({ name, advertise })),
    dtmf: rtpengine.dtmf === false ? null : rtpengine.dtmf,
    dscp,
    keepsDigits: keepDigits,
    clock,
    log,
  });
}
