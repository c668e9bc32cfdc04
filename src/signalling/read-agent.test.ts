import assert from 'node:assert/strict';
import fc from 'fast-check';
import { readAgent } from './read-agent.js';
import type { SipRequest } from './srf.js';

function agentOf(source: string, headers: Readonly<Record<string, string>>): string | null {
  return readAgent({ get: (name: string) => headers[name] } as unknown as SipRequest, source);
}

describe('readAgent', () => {
  it('knows no agent of a trunk that has none', () => {
    assert.equal(agentOf('none', { From: '<sip:201@pbx>' }), null);
  });

  it('takes the user of the From header', () => {
    assert.equal(agentOf('from-user', { From: '"Kim, Minji <sales>" <sip:201@pbx.example;user=phone>;tag=1' }), '201');
    assert.equal(agentOf('from-user', { From: '<sip:kim%2Eminji:secret@pbx>;tag=1' }), 'kim.minji');
    assert.equal(agentOf('from-user', { From: '<tel:+82212345678>' }), '+82212345678');
    assert.equal(agentOf('from-user', { From: '<sip:pbx.example>' }), null);
    assert.equal(agentOf('from-user', {}), null);
  });

  it('takes a header’s value, or the user of the address in it', () => {
    assert.equal(agentOf('header:X-Agent', { 'X-Agent': ' 201 ' }), '201');
    assert.equal(agentOf('header:X-Agent', { 'X-Agent': '김민지' }), '김민지');
    assert.equal(
      agentOf('header:P-Asserted-Identity', { 'P-Asserted-Identity': '"201" <sip:agent-7@pbx>' }),
      'agent-7',
    );
    assert.equal(agentOf('header:X-Agent', { 'X-Agent': 'sip:agent-7@pbx' }), 'agent-7');
    assert.equal(agentOf('header:X-Agent', { From: '<sip:201@pbx>' }), null);
  });

  it('takes whoever withholds a name for nobody, for they would all be one agent', () => {
    assert.equal(agentOf('from-user', { From: '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1' }), null);
    assert.equal(agentOf('from-user', { From: 'sip:Anonymous@192.0.2.20;tag=1' }), null);
    assert.equal(agentOf('header:P-Asserted-Identity', { 'P-Asserted-Identity': '<sip:anonymous@pbx>' }), null);
    assert.equal(agentOf('from-user', { From: '<sip:anonymous7@pbx>' }), 'anonymous7');
  });

  it('has one form of each name', () => {
    assert.equal(agentOf('header:X-Agent', { 'X-Agent': 'Jose\u0301' }), 'Jos\u00e9');
  });

  it('takes what is no plain name for nobody', () => {
    for (const value of [
      '',
      '201, 202',
      'pbx/201',
      'trunk:pbx',
      'a b',
      'a\nagent:pbx/1',
      '"201"',
      '..',
      '-1',
      '__proto__\u0000',
      'x'.repeat(65),
      `<sip:${'9'.repeat(2_000)}@pbx>`,
      '<sip:%00%0a@pbx>',
      '<sip:%E0%A4%A@pbx>',
      '<sip:a%2Fb@pbx>',
    ]) {
      assert.equal(agentOf('header:X-Agent', { 'X-Agent': value }), null, JSON.stringify(value));
    }
  });

  it('never throws, and gives only names that can be a key', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('from-user', 'header:From'),
        fc.oneof(fc.string(), fc.string({ unit: 'grapheme' })),
        (source, text) => {
          for (const value of [text, `<sip:${text}@pbx>`, `"${text}" <sip:${encodeURIComponent(text)}@pbx>`]) {
            const agent = agentOf(source, { From: value });
            if (agent !== null) assert.match(agent, /^[^/:\s"<>,;]{1,128}$/u);
          }
        },
      ),
    );
  });
});
