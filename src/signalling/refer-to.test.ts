import assert from 'node:assert/strict';
import fc from 'fast-check';
import { readReferTo, readReplaces, targetOf } from './refer-to.js';

describe('readReferTo', () => {
  it('reads a number, with and without brackets and a name', () => {
    for (const value of [
      '<sip:01055550103@192.0.2.1>',
      'sip:01055550103@192.0.2.1',
      '"Kim, S." <sip:01055550103@192.0.2.1>',
    ]) {
      assert.deepEqual(readReferTo(value), { uri: 'sip:01055550103@192.0.2.1', replaces: null }, value);
    }
    assert.deepEqual(readReferTo('<tel:+821055550103>'), { uri: 'tel:+821055550103', replaces: null });
  });

  it('reads the dialog that the target’s call is to replace', () => {
    const value = '<sip:y@192.0.2.1;transport=udp?Replaces=a%40pbx%3Bto-tag%3Dours%3Bfrom-tag%3Dtheirs&X-More=1>';
    assert.deepEqual(readReferTo(value), {
      uri: 'sip:y@192.0.2.1;transport=udp',
      replaces: { callId: 'a@pbx', localTag: 'ours', remoteTag: 'theirs' },
    });
  });

  it('refuses what names nobody, another method than INVITE, or a Replaces that names no dialog', () => {
    for (const value of [
      undefined,
      '',
      '<>',
      '<mailto:x@example.com>',
      '<sip:x@y;method=BYE>',
      '<sip:x@y?Replaces=a%40pbx>',
      '<sip:x@y?Replaces=a%0D%0AX%3B;to-tag=1;from-tag=2>',
      `<sip:${'9'.repeat(3_000)}@y>`,
    ]) {
      assert.equal(readReferTo(value), null, value);
    }
    assert.notEqual(readReferTo('<sip:x@y;method=INVITE>'), null);
  });

  it('never throws, and never lets a line break through', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        for (const value of [text, `<sip:${text}@x>`, `<sip:x@y?Replaces=${text}>`]) {
          const read = readReferTo(value);
          const said = read === null ? '' : `${read.uri}${read.replaces?.callId ?? ''}${read.replaces?.localTag ?? ''}`;
          assert.doesNotMatch(said, /[\r\n]/);
        }
      }),
    );
  });
});

describe('readReplaces', () => {
  it('takes the tags in any order, and other parameters for nothing', () => {
    const name = { callId: 'a@pbx', localTag: '1', remoteTag: '2' };
    assert.deepEqual(readReplaces('a@pbx;to-tag=1;from-tag=2'), name);
    assert.deepEqual(readReplaces('a@pbx ; x=y; from-tag=2 ;TO-TAG=1'), name);
    assert.deepEqual(readReplaces('a@pbx;to-tag=1;from-tag=2;early-only'), { ...name, isEarlyOnly: true });
    assert.equal(readReplaces('a@pbx;to-tag=1'), null);
  });
});

describe('targetOf', () => {
  const peer = 'sip:pbx@192.0.2.20:5060';
  const ours = ['sip:simtrunk@192.0.2.1:5060', 'sip:010@trunk.example'];
  const place = (uri: string, at = peer) => targetOf(uri, { peer: at, ours }).place;

  it('takes a target at a host of ours for a number to be called, and any other for the peer’s own', () => {
    assert.equal(place('sip:010@192.0.2.1'), 'here');
    assert.equal(place('sip:010@Trunk.Example'), 'here');
    assert.equal(place('tel:+821055550103'), 'here');
    assert.equal(place('sip:702@192.0.2.20'), 'peer');
    assert.equal(place('sip:702@pbx.example'), 'peer');
  });

  it('tells two on one machine apart by their ports', () => {
    const local = 'sip:pbx@192.0.2.1:5080';
    assert.equal(place('sip:702@192.0.2.1:5080', local), 'peer');
    assert.equal(place('sip:010@192.0.2.1:5060', local), 'here');
    assert.equal(place('sip:010@192.0.2.1', local), 'here');
  });
});
