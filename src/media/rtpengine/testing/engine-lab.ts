// Sessions at real rtpengines of Debian's package, with peers on loopback that talk: whatever was started ends with the lab.
import assert from 'node:assert/strict';
import type { MediaOpenResult, MediaRemote, MediaSession } from '../../../call/ports.js';
import type { Side } from '../../../call/reports.js';
import { SystemClock } from '../../../lib/clock.js';
import { createLogger } from '../../../lib/logger.js';
import { remoteOf, rtpPacket, UdpPeer } from '../../relay/relay-test-kit.js';
import { type RtpengineSettings, type RunningRtpengine, startRtpengine } from '../rtpengine.js';
import { type DaemonOptions, RtpengineDaemon } from './rtpengine-daemon.js';
import { settingsFor } from './rtpengine-settings.js';

const log = createLogger({ level: 'silent', redactNumbers: false });
const PACE_MS = 10;

export class EngineLab {
  readonly #daemons: RtpengineDaemon[] = [];
  readonly #peers: UdpPeer[] = [];
  #port: RunningRtpengine | null = null;

  /** Skips the tests where there is no rtpengine, and says why. */
  static skipIfMissing(test: Mocha.Context): void {
    const missing = RtpengineDaemon.missing();
    if (missing === null) return;
    process.stderr.write(`      skipped: ${missing}\n`);
    test.skip();
  }

  /** The media port over the daemons. */
  get port(): RunningRtpengine {
    return this.#port ?? assert.fail('the media port was not started');
  }

  async daemon(options?: DaemonOptions): Promise<RtpengineDaemon> {
    const started = await RtpengineDaemon.start(options);
    this.#daemons.push(started);
    return started;
  }

  async start(engines: RtpengineSettings['engines'], more: Partial<RtpengineSettings> = {}): Promise<RunningRtpengine> {
    this.#port = await startRtpengine(settingsFor({ engines, log, clock: new SystemClock(), ...more }));
    return this.#port;
  }

  ask(sessionId = 'c1', calleeNetwork = 'lan'): Promise<MediaOpenResult> {
    return this.port.port.open({ sessionId, callerNetwork: 'lan', calleeNetwork });
  }

  async open(sessionId?: string, calleeNetwork?: string): Promise<MediaSession> {
    const opened = await this.ask(sessionId, calleeNetwork);
    assert.ok(opened.ok, JSON.stringify(opened));
    return opened.session;
  }

  async peer(address?: string): Promise<UdpPeer> {
    const peer = await UdpPeer.open(address);
    this.#peers.push(peer);
    return peer;
  }

  /** Two peers that each have heard the other, caller first. */
  async talking(
    session: MediaSession,
    changes: Partial<Record<Side, Partial<MediaRemote>>> = {},
  ): Promise<[UdpPeer, UdpPeer]> {
    const [caller, callee] = [await this.peer(), await this.peer()];
    session.setRemote('caller', remoteOf(caller, { nat: 'off', ...changes.caller }));
    session.setRemote('callee', remoteOf(callee, { nat: 'off', ...changes.callee }));
    await exchange(session, caller, callee);
    return [caller, callee];
  }

  async close(): Promise<void> {
    for (const daemon of this.#daemons) daemon.thaw();
    await this.#port?.close();
    this.#port = null;
    for (const peer of this.#peers.splice(0)) peer.close();
    for (const daemon of this.#daemons.splice(0)) await daemon.kill();
  }
}

/** Sends both ways until each has received something new. */
export async function exchange(session: MediaSession, caller: UdpPeer, callee: UdpPeer): Promise<void> {
  const [atCaller, atCallee] = [caller.received.length, callee.received.length];
  let sequence = 0;
  await until(async () => {
    await caller.sendRtp(rtpPacket({ sequence: sequence++, ssrc: 5 }), session.local('caller'));
    await callee.sendRtp(rtpPacket({ sequence, ssrc: 6 }), session.local('callee'));
    return caller.received.length > atCaller && callee.received.length > atCallee;
  });
}

/** Asks again at a packet's pace: what is told to an engine takes its time. */
export async function until(isTrue: () => Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await new Promise((resolve) => setTimeout(resolve, PACE_MS));
}
