// A page from one FreeSWITCH, the PBX, to another one in the place of the gateway: by T.38 where both may, else by G.711.
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../lab/sip-tests/free-ports.js';
import { writeFaxPage } from '../lab/user-agents/fax-page.js';
import { type Freeswitch, startFreeswitch } from '../lab/user-agents/freeswitch.js';
import { needPrograms } from '../lab/user-agents/program.js';
import { until } from './testing/arena.js';
import { FreeswitchLab, NUMBER } from './testing/freeswitch-lab.js';

const bytesOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/** Who turns the call to T.38 (its `fax_enable_t38_request`). */
type Turner = 'pbx' | 'gateway';

describe('a fax by FreeSWITCH', function () {
  this.timeout(90_000);
  let lab: FreeswitchLab | undefined;
  let machine: Freeswitch | undefined;

  before(function () {
    needPrograms(this, ['freeswitch'], 'Debian 12 has none');
  });

  afterEach(async function () {
    if (this.currentTest?.isFailed()) console.log([machine?.log(), lab?.log()].join('\n'));
    await machine?.close();
    await lab?.close();
    [machine, lab] = [undefined, undefined];
  });

  /** Sends a page; how many the sender says went over, and all messages of simtrunk. */
  async function send(t38: 'pass' | 'refuse', turner: Turner) {
    const sipPort = await freePort();
    const gateway = { name: 'gw1', network: 'lan', address: `127.0.0.1:${sipPort}`, gapMs: 0, probe: false, t38 };
    lab = await FreeswitchLab.open({ trunk: { t38 }, config: { gateways: [gateway] } });
    const page = join(lab.arena.folder, 'page.tif');
    const received = join(lab.arena.folder, 'received.tif');
    writeFaxPage(page);
    const t38Of = (who: Turner) => ({ fax_enable_t38: 'true', fax_enable_t38_request: String(who === turner) });
    machine = await startFreeswitch({
      folder: lab.arena.subfolder('fax-machine'),
      sipPort,
      dialplan: [
        {
          number: '.*',
          apply: [
            ...Object.entries(t38Of('gateway')).map(([name, value]) => ['set', `${name}=${value}`] as const),
            ['answer'],
            // Its caller's first tones come while it is not listening yet, else it turns the call before the ACK.
            ['playback', 'silence_stream://1500'],
            ['rxfax', received],
          ],
        },
      ],
    });
    const trace = await lab.app.sip?.startTrace({ match: { kind: 'all' } });
    assert.ok(trace?.ok);
    const leg = await lab.freeswitch.call(NUMBER, t38Of('pbx'), `&txfax(${page})`);
    const over = () => lab?.freeswitch.eventOf(leg, 'CHANNEL_HANGUP_COMPLETE');
    // A fax takes longer than anything else is waited for.
    for (let patience = 6; patience > 0 && over() === undefined; patience--)
      await until('it has ended', () => over() !== undefined).catch(() => undefined);
    const [cdr] = await lab.cdrs(1);
    assert.equal(cdr?.endReason, 'normal');
    const pages = over()?.variable_fax_document_transferred_pages;
    return { messages: (await lab.app.sip?.traceLadder(trace.id)) ?? '', pages, bytes: bytesOf(received) };
  }

  for (const turner of ['gateway', 'pbx'] as const) {
    it(`goes by T.38, for which the ${turner} asks`, async () => {
      const { messages, pages, bytes } = await send('pass', turner);
      assert.equal(pages, '1');
      assert.ok(bytes > 0);
      assert.equal(messages.match(/m=image [1-9]\d* udptl t38/g)?.length, 4);
    });
  }

  it('goes on by G.711 where T.38 is refused', async () => {
    const { messages } = await send('refuse', 'gateway');
    assert.match(messages, /488 Not Acceptable Here/);
    // Whether the page comes over depends on how punctual the machine is: a modem bears no gap.
  });
});
