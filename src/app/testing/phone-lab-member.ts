// A member of the network lab in which programs run that we have not written: a phone, and a proxy before it.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type BaresipOrder, startBaresipPhone } from '../../lab/user-agents/baresip.js';
import { type KamailioOrder, startKamailio } from '../../lab/user-agents/kamailio.js';
import { type LinphoneOrder, startLinphonePhone } from '../../lab/user-agents/linphone.js';
import { type OpensipsOrder, startOpensips } from '../../lab/user-agents/opensips.js';
import type { Phone } from '../../lab/user-agents/phone.js';
import type { Program } from '../../lab/user-agents/program.js';
import { answerAsMember } from '../../lib/testing/network-lab.js';

export interface PhoneState {
  readonly isTalking: boolean;
  readonly isHolding: boolean;
  readonly keysHeard: string;
  readonly heard: Int16Array;
}

let phone: Phone | undefined;
let proxy: Program | undefined;

function ownFolder(folder: string, name: string): string {
  const own = join(folder, name);
  mkdirSync(own);
  return own;
}

answerAsMember({
  async baresip(order: BaresipOrder): Promise<void> {
    phone = await startBaresipPhone({ ...order, folder: ownFolder(order.folder, `baresip-${order.user}`) });
  },
  async linphone(order: LinphoneOrder): Promise<void> {
    phone = await startLinphonePhone({ ...order, folder: ownFolder(order.folder, 'linphone') });
  },
  async kamailio(order: KamailioOrder): Promise<void> {
    proxy = await startKamailio({ ...order, folder: ownFolder(order.folder, 'kamailio') });
  },
  async opensips(order: OpensipsOrder): Promise<void> {
    proxy = await startOpensips({ ...order, folder: ownFolder(order.folder, 'opensips') });
  },

  dial: (uri: string) => phone?.dial(uri),
  hold: () => phone?.hold(),
  resume: () => phone?.resume(),
  press: (digit: string) => phone?.press(digit),
  hangUp: () => phone?.hangUp(),
  state: (): PhoneState => ({
    isTalking: phone?.isTalking() ?? false,
    isHolding: phone?.isHolding() ?? false,
    keysHeard: phone?.keysHeard() ?? '',
    heard: phone?.heard() ?? new Int16Array(0),
  }),
  /** What was printed here by programs. */
  log: () => [phone?.log(), proxy?.log()].join('\n'),
  proxyLog: () => proxy?.log() ?? '',

  async close(): Promise<void> {
    await phone?.close();
    await proxy?.close();
  },
});
