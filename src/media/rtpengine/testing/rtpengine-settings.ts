// Settings for tests with rtpengine on loopback: quick to notice, everything on 127.0.0.1.
import type { EngineSettings } from '../engine.js';
import type { RtpengineSettings } from '../rtpengine.js';

export function engineAt(url: string, changes: Partial<EngineSettings> = {}): EngineSettings {
  return { url, weight: 1, isDraining: false, interfaces: {}, forkInterface: undefined, ...changes };
}

export function settingsFor(
  settings: Pick<RtpengineSettings, 'engines' | 'log' | 'clock'> & Partial<RtpengineSettings>,
): RtpengineSettings {
  return {
    networks: [
      { name: 'lan', advertise: '127.0.0.1' },
      { name: 'wan', advertise: '127.0.0.2' },
    ],
    fork: { address: '127.0.0.1', port: 0 },
    dtmf: null,
    transcodes: ['PCMA', 'PCMU', 'G722', 'opus'],
    dscp: false,
    requestTimeoutMs: 1_000,
    pingIntervalMs: 100,
    failAfter: 3,
    watchIntervalMs: 100,
    keepsDigits: false,
    lostAfterMs: 300,
    ...settings,
  };
}
