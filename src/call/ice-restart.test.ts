import assert from 'node:assert/strict';
import { codecPolicy } from '../sdp/media-policy.js';
import type { CallMedia } from './call-media.js';
import { type RelayedMedia, readMedia, reinvite, relayed } from './call-media-kit.js';
import { gatewayTerms } from './call-test-kit.js';
import type { MediaAddress } from './ports.js';
import type { Side } from './reports.js';

function caller(ufrag: string, port = 40_000): string {
  const lines = [
    ...['v=0', 'o=x 1 1 IN IP4 192.0.2.20', 's=-', 'c=IN IP4 192.0.2.20', 't=0 0', `m=audio ${port} RTP/SAVPF 8`],
    ...['a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:k', `a=ice-ufrag:${ufrag}`, `a=ice-pwd:${ufrag.repeat(6)}`, ''],
  ];
  return lines.join('\r\n');
}

/** The same of somebody who does without ICE. */
function plain(sdp: string): string {
  return sdp.replace(/a=ice-.*\r\n/g, '');
}

const GATEWAY = 'v=0\r\no=x 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n';

describe('a restart of ICE', () => {
  let media: CallMedia;
  let remotes: RelayedMedia['remotes'];
  let settle: ((isSettled: boolean) => void)[];
  let engineUfrag: string;

  beforeEach(async () => {
    settle = [];
    engineUfrag = 'ours1';
    const read = readMedia(caller('aaaa'), codecPolicy(['PCMA']), { srtp: true });
    ({ media, remotes } = await relayed(read, (session) => ({
      local: (side): MediaAddress => {
        const attributes = ['crypto:1 X inline:e', `ice-ufrag:${engineUfrag}`, `ice-pwd:${engineUfrag}`];
        const transport = { protocol: 'RTP/SAVPF', attributes } as const;
        return { ...session.local(side), ...(side === 'caller' && { transport }) };
      },
      settled: () => new Promise((resolve) => settle.push(resolve)),
    })));
    assert.ok(media.offerFor({ ...gatewayTerms('gw1'), media: codecPolicy(['PCMA']) }, 'gw1/1').ok);
    assert.ok(media.acceptAnswer(GATEWAY).ok);
  });

  const reinvited = (side: Side, offerSdp: string | null) => reinvite(media, side, offerSdp);
  const ufragIn = (sdp: string | undefined | null) => /^a=ice-ufrag:(\S+)/m.exec(sdp ?? '')?.[1];
  const moment = () => new Promise((resolve) => setImmediate(resolve));

  it('is answered with the new credentials of the engine, once it has those of the caller', async () => {
    assert.equal(ufragIn(media.callerSdp), 'ours1');
    const told = reinvited('caller', caller('bbbb', 40_010));
    assert.deepEqual([told, remotes.get('caller')?.rtpPort, settle.length], [{ accepted: [], refused: [] }, 40_010, 1]);
    assert.ok(remotes.get('caller')?.transport?.attributes.includes('ice-ufrag:bbbb'));
    // One at a time.
    assert.deepEqual(
      [reinvited('caller', caller('cccc')).refused, reinvited('callee', GATEWAY).refused],
      [[491], [491]],
    );
    engineUfrag = 'ours2';
    settle[0]?.(true);
    await moment();
    assert.deepEqual([told.refused, ufragIn(told.accepted[0])], [[], 'ours2']);
    assert.match(told.accepted[0] ?? '', /^o=- 1 2 /m);
    // Without a restart the next one is answered at once, and an offer of ours says the same.
    assert.equal(reinvited('caller', caller('bbbb', 40_010)).accepted[0], told.accepted[0]);
    assert.equal(ufragIn(reinvited('caller', null).accepted[0]), 'ours2');
    assert.equal(settle.length, 1);
  });

  it('is as if it had never been asked for when the engine does not take it', async () => {
    const told = reinvited('caller', caller('bbbb', 40_010));
    settle[0]?.(false);
    await moment();
    assert.deepEqual([told.refused, remotes.get('caller')?.rtpPort], [[500], 40_000]);
    const before = reinvited('caller', caller('aaaa'));
    assert.deepEqual([ufragIn(before.accepted[0]), settle.length], ['ours1', 1]);
    assert.match(before.accepted[0] ?? '', /^o=- 1 1 /m);
  });

  it('is not for somebody else who takes the place of the caller, who would be told too late', () => {
    const before = new Map(remotes);
    for (const theirs of [caller('bbbb', 40_010), plain(caller('bbbb', 40_010))]) {
      assert.equal(media.answerSuccessor('caller', theirs, '192.0.2.30'), null);
    }
    assert.equal(media.offerForSuccessor('caller'), null, 'nobody is called in vain');
    assert.deepEqual([remotes, settle.length], [before, 0]);
    assert.notEqual(media.offerForSuccessor('callee'), null);
    // And while the caller's own is under way nobody is told anything.
    reinvited('caller', caller('bbbb'));
    assert.deepEqual([media.offerForSuccessor('callee'), media.answerSuccessor('callee', GATEWAY, '')], [null, null]);
  });
});
