// A member of the network lab that is simtrunk, a gateway or a PBX, for whole calls from one network to another.
import { type RunningApp, startApp } from '../../app.js';
import { parseConfig } from '../../config/load-config.js';
import { answers } from '../../lab/callee-behaviour.js';
import { SimulatedGateway } from '../../lab/gateway.js';
import { Softphone } from '../../lab/softphone.js';
import { answerAsMember } from '../../lib/testing/network-lab.js';

export interface LabCallOutcome {
  readonly answered: boolean;
  readonly sipCallId: string;
  readonly heard: Int16Array;
}

let app: RunningApp | undefined;
let gateway: SimulatedGateway | undefined;
let pbx: Softphone | undefined;

answerAsMember({
  async simtrunk(config: object, file: string): Promise<void> {
    app = await startApp(parseConfig(JSON.stringify(config), file, { env: {} }));
  },

  /** Answers, says this, and hangs up after a while. */
  async gateway(address: string, port: number, says: Int16Array, talkMs: number): Promise<void> {
    const plan = () => answers({ afterMs: 50, says, hangsUpAfterMs: talkMs });
    gateway = await SimulatedGateway.open({ address, port, simPorts: 1, plan });
  },
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

  async close(): Promise<void> {
    await pbx?.close(0);
    await gateway?.close();
    await app?.close();
  },
});
