// The media peers of a case: one for each scenario that `rtp` names, on a port of its own.
import type { SipCase } from './case-file.js';
import { differencesFrom } from './expectation.js';
import { gatherEvidence } from './rtp-evidence.js';
import { RtpPeer } from './rtp-peer.js';
import type { RunningSipp } from './sipp.js';

export class MediaPeers {
  readonly #peers: ReadonlyMap<string, RtpPeer>;

  static async open({ rtp, callers }: SipCase): Promise<MediaPeers> {
    const peers = new Map<string, RtpPeer>();
    const opened = new MediaPeers(peers);
    try {
      for (const [scenario, sayings] of Object.entries(rtp)) {
        const address = callers.find(({ uac }) => uac === scenario)?.address ?? '127.0.0.1';
        peers.set(scenario, await RtpPeer.open(address, sayings));
      }
    } catch (error) {
      opened.close();
      throw error;
    }
    return opened;
  }

  private constructor(peers: ReadonlyMap<string, RtpPeer>) {
    this.#peers = peers;
  }

  /** SIPp's arguments for a scenario. */
  keysOf(scenario: string): string[] {
    const peer = this.#peers.get(scenario);
    return peer === undefined ? [] : ['-key', 'rtp_port', String(peer.port)];
  }

  follow(scenario: string, run: RunningSipp): void {
    this.#peers.get(scenario)?.follow(run);
  }

  /** What was heard other than expected. */
  problems({ rtp, sounds, expect }: SipCase, runs: readonly RunningSipp[]): string[] {
    const said = Object.values(rtp).flatMap((sayings) =>
      sayings.flatMap((saying) => ('toneHz' in saying ? [saying.toneHz] : [])),
    );
    const tonesHz = [...said, ...Object.values(sounds).map(({ toneHz }) => toneHz)];
    return Object.entries(expect.rtp).flatMap(([scenario, expected]) => {
      const peer = this.#peers.get(scenario);
      const run = runs.find(({ label }) => `${label}.xml` === scenario);
      if (peer === undefined) return [`nobody listened for ${scenario}: name it in rtp`];
      const others = [...this.#peers.values()].filter((other) => other !== peer);
      const evidence = gatherEvidence(peer, run?.trace() ?? [], others, tonesHz);
      const problems = differencesFrom(expected, evidence, `rtp of ${scenario}`);
      return problems.length === 0 ? [] : [...problems, `${scenario} heard ${JSON.stringify(evidence)}`];
    });
  }

  close(): void {
    for (const peer of this.#peers.values()) peer.close();
  }
}
