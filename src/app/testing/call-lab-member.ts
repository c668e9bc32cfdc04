// A member of the network lab that is simtrunk, a gateway or a PBX, for whole calls from one network to another.
import { type RunningApp, startApp } from '../../app.js';
import { parseConfig } from '../../config/load-config.js';
import { answers } from '../../lab/callee-behaviour.js';
import { SimulatedGateway } from '../../lab/gateway.js';
import { Softphone } from '../../lab/softphone.js';
import { answerAsMember } from '../../lib/testing/network-lab.js';
import { rtpPacket, UdpPeer } from '../../media/relay/relay-test-kit.js';

export interface LabCallOutcome {
  readonly answered: boolean;
  readonly sipCallId: string;
  readonly heard: Int16Array;
}

let app: RunningApp | undefined;
let gateway: SimulatedGateway | undefined;
let pbx: Softphone | undefined;
let hasSprayed = false;

answerAsMember({
  async simtrunk(config: object, file: string): Promise<void> {
    app = await startApp(parseConfig(JSON.stringify(config), file, { env: {} }));
  },

  linesRegistered: async () => (await app?.counters())?.registrar.registered ?? 0,

  /** Answers, says this, and hangs up after a while or when told to. */
  async gateway(address: string, port: number, says: Int16Array, talkMs?: number): Promise<void> {
    const end = talkMs === undefined ? {} : { hangsUpAfterMs: talkMs };
    const plan = () => answers({ afterMs: 50, says, ...end });
    gateway = await SimulatedGateway.open({ address, port, simPorts: 1, plan });
  },
  hangUp: () => gateway?.hangUpAll(),
  /** What the callee of the first call heard. */
  calleeHeard(): Int16Array {
    return gateway?.heardIn(gateway.calls[0]?.sipCallId ?? '') ?? new Int16Array(0);
  },

  /** Calls a number and resolves when the call has ended. */
  async call(address: string, trunk: object, number: string, says: Int16Array): Promise<LabCallOutcome> {
    pbx = await Softphone.open({ address, trunk: trunk as { address: string; port: number } });
    const call = await pbx.call({ number, says, saysRepeatedly: true });
    const { answered, sipCallId } = await call.ended;
    return { answered, sipCallId, heard: call.heard() };
  },

  /** Sends noise, as RTP, to each of these ports over and over, until told to stop; how many packets came back. */
  async spray(from: string, to: string, ports: { from: number; to: number }): Promise<number> {
    const stranger = await UdpPeer.open(from);
    const noise = Uint8Array.from({ length: 160 }, (_, index) => (index * 97) % 256);
    for (let sequence = 0; !hasSprayed; sequence += 1) {
      const packet = rtpPacket({ sequence, ssrc: 0xbad }, noise);
      for (let port = ports.from; port <= ports.to; port += 1) await stranger.send(packet, { address: to, port });
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    stranger.close();
    return stranger.received.length;
  },
  stopSpraying(): void {
    hasSprayed = true;
  },

  async close(): Promise<void> {
    await pbx?.close(0);
    await gateway?.close();
    await app?.close();
  },
});
