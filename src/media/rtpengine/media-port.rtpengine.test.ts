import { SystemClock } from '../../lib/clock.js';
import { createLogger } from '../../lib/logger.js';
import { describeMediaPort } from '../media-port.contract.js';
import { startRtpengine } from './rtpengine.js';
import { RtpengineDaemon } from './testing/rtpengine-daemon.js';
import { engineAt, settingsFor } from './testing/rtpengine-settings.js';

const log = createLogger({ level: 'silent', redactNumbers: false });
const missing = RtpengineDaemon.missing();

if (missing !== null) {
  describe('media port: rtpengine', () => {
    it('carries calls as the relay does', function () {
      process.stderr.write(`      skipped: ${missing}\n`);
      this.skip();
    });
  });
} else {
  describeMediaPort(
    'rtpengine',
    async ({ pairs }) => {
      const daemon = await RtpengineDaemon.start({
        interfaces: ['inside/127.0.0.1', 'outside/127.0.0.2'],
        mediaPorts: 2 * pairs,
      });
      const engines = [engineAt(daemon.udpUrl, { interfaces: { lan: 'inside', wan: 'outside' } })];
      const rtpengine = await startRtpengine(settingsFor({ engines, log, clock: new SystemClock() }));
      return {
        port: rtpengine.port,
        connectTap: (connect) => rtpengine.connectTap({ name: 'recorder', connect }),
        kill: () => daemon.kill(),
        close: async () => {
          await rtpengine.close();
          await daemon.kill();
        },
      };
    },
    // rtpengine passes a payload type that it does not know, and has one numbering for both sides.
    { mapsPayloadTypes: false, dropsForeignPayloadTypes: false, keepsHeaders: true, transcodes: true, plays: true },
  );
}
