import assert from 'node:assert/strict';
import { formatPath } from './config-problem.js';
import { findMessageProblems } from './message-checks.js';
import { POLL_PRESETS } from './message-poll-presets.js';
import { PUSH_PRESETS, SMS_PRESETS } from './message-presets.js';
import { api, gatewayMessages, trunkMessages } from './message-schema.js';
import { resolveMessages } from './resolve-messages.js';
import { configFileSchema } from './schema.js';
import { SoundParts } from './sound-parts.js';

const GATEWAY = { name: 'gw1', network: 'lan', address: '192.0.2.1' };

function problems(raw: object, env: Record<string, string> = {}): string[] {
  return findMessageProblems(new SoundParts(raw), env).map(({ path, message }) => `${formatPath(path)}: ${message}`);
}

const ofGateway = (messages: object, gateway: object = GATEWAY) => problems({ gateways: [{ ...gateway, messages }] });

describe('text messages in the config', () => {
  it('go over SIP unless told otherwise', () => {
    const { via, alphabet, smsParts, lmsBytes, onSilence, inbound } = gatewayMessages.parse({});
    assert.deepEqual([via, alphabet, smsParts, lmsBytes, onSilence], ['sip', 'gsm', 6, 0, 'stop']);
    assert.deepEqual(inbound, { senderFrom: 'from', channelFrom: 'request-uri' });
    assert.deepEqual(ofGateway({}), []);
  });

  it('go over HTTP by a preset or a url, with an account where the gateway asks for one', () => {
    assert.deepEqual(ofGateway({ via: 'http', http: { preset: 'json' } }), []);
    assert.match(ofGateway({ via: 'http' })[0] ?? '', /^gateways\[0\]\.messages: needs http with a preset or a url/);
    assert.match(ofGateway({ via: 'http', http: {} })[0] ?? '', /http: needs a preset or a url/);
    assert.match(ofGateway({ via: 'http', http: { preset: 'json', auth: 'basic' } })[0] ?? '', /needs an account/);
    assert.match(ofGateway({ http: { preset: 'json' } })[0] ?? '', /http: is for via: http, not for sip/);
    assert.match(
      ofGateway({ via: 'http', dial: '{number}', http: { preset: 'json' } })[0] ?? '',
      /dial: is for via: sip/,
    );
    const registering = { name: 'gw1', network: 'lan', registers: {} };
    assert.match(ofGateway({ via: 'http', http: { preset: 'json' } }, registering)[0] ?? '', /has no address/);
  });

  it('have pictures only where the gateway is told of them', () => {
    const [overSip] = ofGateway({ mms: true });
    assert.match(overSip ?? '', /^gateways\[0\]\.messages\.mms: needs via: http: a SIP MESSAGE carries text alone/);
    assert.match(ofGateway({ via: 'none', mms: true })[0] ?? '', /mms: is for a gateway that sends/);
    const over = (http: object) => ofGateway({ via: 'http', mms: true, http });
    const account = { username: 'a', password: 'b' };
    assert.match(over({ preset: 'dinstar', account })[0] ?? '', /mms: needs \{pictures\} in the body/);
    assert.match(over({ preset: 'json', body: '{"text":"{text}"}' })[0] ?? '', /mms: needs \{pictures\}/);
    assert.deepEqual(over({ preset: 'json' }), []);
    assert.deepEqual(over({ preset: 'dinstar', account, body: '{"media":{pictures}}' }), []);
    assert.match(ofGateway({ via: 'http', mms: true })[0] ?? '', /messages: needs http/);
  });

  it('are asked for by a preset or by questions of its own, each of which says enough', () => {
    const ask = {
      path: '/in?after={cursor}',
      list: 'sms',
      cursor: { id: 'id' },
      message: { from: 'from', text: 'text', id: 'id' },
    };
    const url = 'http://192.0.2.1';
    const polled = (poll: object) => ofGateway({ via: 'none', poll: { url, ...poll } });
    assert.deepEqual(polled({ preset: 'dinstar' }), []);
    assert.deepEqual(polled({ ask: [ask, { ...ask, path: '/out?after={cursor}' }] }), []);
    for (const poll of [{}, { preset: 'dinstar', ask: [ask] }]) {
      assert.match(polled(poll)[0] ?? '', /^gateways\[0\]\.messages\.poll: needs a preset, or questions/);
    }
    assert.match(polled({ preset: 'ejoin' })[0] ?? '', /poll: needs account/);
    assert.deepEqual(polled({ preset: 'ejoin', account: { username: 'a', password: 'b' } }), []);
    assert.match(polled({ ask: [ask, ask] })[0] ?? '', /ask\[1\]\.path: is the path of gateways.*ask\[0\] already/);
    const unset = { preset: 'ejoin', account: { username: 'a', password: { env: 'BOX' } } };
    assert.match(polled(unset)[0] ?? '', /poll\.account\.password: environment variable BOX is not set/);
    const report = { status: 'status', delivered: '^ok$', undelivered: '^no$' };
    for (const wrong of [
      { ...ask, message: undefined },
      { ...ask, cursor: undefined },
      { ...ask, path: '/in' },
      { ...ask, path: '/in?{nope}' },
      { ...ask, path: 'in?after={cursor}' },
      { ...ask, body: '{}' },
      { ...ask, path: '/in?after={cursor}&since={since:3}' },
      { ...ask, method: 'POST', body: '{"after":"{cursor}","since":"{since:3}"}' },
      { ...ask, method: 'POST', body: '{"after":"{cursor}","since":"{sinse}"}' },
      { ...ask, cursor: { next: 'n', start: 'a b' } },
      { ...ask, report },
      { ...ask, report: { ...report, number: 'to', time: 'at', delivered: '(' } },
    ]) {
      const parsed = gatewayMessages.safeParse({ poll: { url, ask: [wrong] } });
      assert.equal(parsed.success, false, JSON.stringify(wrong));
    }
    assert.equal(
      gatewayMessages.safeParse({ poll: { url: 'http://a:b@192.0.2.1/x', preset: 'dinstar' } }).success,
      false,
    );
  });

  it('are told apart by what an answer has of them, so that what comes again is not taken for the one before', () => {
    const refusals = (question: object) => {
      const parsed = gatewayMessages.safeParse({
        poll: { url: 'http://192.0.2.1', ask: [{ path: '/in', ...question }] },
      });
      return parsed.error?.issues.map(({ path, message }) => `${path.join('.')}: ${message.split(':')[0]}`) ?? [];
    };
    const message = { from: 'from', text: 'text', channel: 'port' };
    assert.deepEqual(refusals({ message }), ['poll.ask.0.message: must name id or time']);
    assert.deepEqual(refusals({ message: { ...message, id: 'id' } }), []);
    assert.deepEqual(refusals({ message: { ...message, time: 'time' } }), []);
    const report = { status: 'status', delivered: '^ok$', undelivered: '^no$' };
    const byNumber = { ...report, number: 'to', channel: 'port' };
    assert.deepEqual(refusals({ report: byNumber }), ['poll.ask.0.report: must name time, id or reference']);
    assert.deepEqual(refusals({ report: { ...byNumber, time: 'time' } }), []);
    assert.deepEqual(refusals({ report: { ...report, id: 'id' } }), []);
    assert.deepEqual(refusals({ report: { ...report, reference: 'id' } }), []);
  });

  it('are of one channel each, by the names that answers have for it', () => {
    const ask = [{ path: '/in', message: { from: 'from', text: 'text', channel: 'port', time: 'time' } }];
    const channels = [1, 2, 3].map((port) => ({ gateway: 'gw1', port, line: `L${port % 2}`, sim: `sim${port}` }));
    const named = (portIs: string[]) =>
      problems({
        gateways: [{ ...GATEWAY, messages: { poll: { url: 'http://192.0.2.1', ask, portIs } } }],
        channels,
        sims: [],
      });
    assert.deepEqual(named(['{port}', '{port:2}', 'gsm-1.{port}']), []);
    assert.deepEqual(named(['{port}', '{line}']), [
      'gateways[0].messages.poll.portIs: calls both gw1/1 and gw1/3 "L1": an answer could mean either',
    ]);
    assert.match(named(['1'])[0] ?? '', /calls both gw1\/1 and gw1\/2 "1"/);
    for (const portIs of [['{prt}'], ['{line:x}'], ['a b'], ['']]) {
      const parsed = gatewayMessages.safeParse({ poll: { url: 'http://192.0.2.1', ask, portIs } });
      assert.equal(parsed.success, false, portIs[0]);
    }
  });

  it('have templates whose placeholders are known and patterns that are some', () => {
    for (const http of [
      { url: 'http://x/{txt}' },
      { url: 'ftp://x' },
      { body: '{nummer}' },
      { headers: { 'a b': 'x' } },
      { accepted: '(' },
      { retryStatuses: [200] },
    ])
      assert.equal(gatewayMessages.safeParse({ via: 'http', http }).success, false, JSON.stringify(http));
    assert.equal(gatewayMessages.safeParse({ dial: 'fixed' }).success, false);
    assert.equal(gatewayMessages.safeParse({ inbound: { channelFrom: 'somewhere' } }).success, false);
    assert.equal(gatewayMessages.safeParse({ push: { report: { delivered: '[' } } }).success, false);
    assert.equal(trunkMessages.safeParse({ to: '10.0.0.5' }).success, false);
    assert.equal(trunkMessages.safeParse({ webhook: { url: 'file:///etc/passwd' } }).success, false);
  });

  it('have presets that fit the schema', () => {
    for (const [name, preset] of Object.entries(SMS_PRESETS))
      assert.equal(gatewayMessages.safeParse({ via: 'http', http: preset }).success, true, name);
    for (const [name, preset] of Object.entries(PUSH_PRESETS)) {
      const { message, report } = preset;
      assert.equal(gatewayMessages.safeParse({ push: { message, report } }).success, true, name);
    }
    for (const [name, { ask, portIs }] of Object.entries(POLL_PRESETS)) {
      const poll = { url: 'http://192.0.2.1', ask, portIs: portIs ?? ['{port}'] };
      assert.equal(gatewayMessages.safeParse({ poll }).success, true, name);
    }
  });

  it('have tokens that are for a trunk or a gateway that is there, each with a secret of its own', () => {
    const trunks = [{ name: 'pbx', network: 'lan', sources: ['192.0.2.2'] }];
    const tokens = (...list: object[]) => problems({ trunks, gateways: [GATEWAY], api: { tokens: list } });
    assert.deepEqual(tokens({ name: 'a', trunk: 'pbx', secret: 'x' }, { name: 'b', gateway: 'gw1', secret: 'y' }), []);
    assert.match(
      tokens({ name: 'a', trunk: 'pbxx', secret: 'x' })[0] ?? '',
      /trunk: no such entry in trunks: "pbxx"; did you mean "pbx"/,
    );
    assert.match(tokens({ name: 'a', gateway: 'nope', secret: 'x' })[0] ?? '', /no such entry in gateways/);
    assert.match(
      tokens({ name: 'a', trunk: 'pbx', account: 'acme', secret: 'x' })[0] ?? '',
      /no such entry in accounts/,
    );
    const twice = tokens({ name: 'a', trunk: 'pbx', secret: 'x' }, { name: 'a', trunk: 'pbx', secret: 'x' });
    assert.match(twice.join('\n'), /name: "a" is already the name[\s\S]*secret: is the secret of/);
    assert.deepEqual(tokens({ name: 'a', operator: true, secret: 'x' }), []);
    const several = [{ trunk: 'pbx', gateway: 'gw1' }, { trunk: 'pbx', operator: true }, { operator: false }, {}];
    for (const token of several)
      assert.equal(api.safeParse({ tokens: [{ name: 'a', secret: 'x', ...token }] }).success, false);
    assert.equal(api.safeParse({ tokens: [] }).success, false);
  });

  it('name a default trunk that is there', () => {
    const trunks = [{ name: 'pbx', network: 'lan', sources: ['192.0.2.2'] }];
    assert.match(
      problems({ trunks, messages: { defaultTrunk: 'crm' } })[0] ?? '',
      /messages\.defaultTrunk: no such entry/,
    );
  });

  it('have secrets that are set where they are read from the environment', () => {
    const raw = {
      trunks: [{ name: 'pbx', messages: { webhook: { url: 'http://x', secret: { env: 'HOOK' } } } }],
      gateways: [
        {
          ...GATEWAY,
          messages: { via: 'http', http: { preset: 'goip', account: { username: 'a', password: { env: 'WEB' } } } },
        },
      ],
      api: { tokens: [{ name: 'a', trunk: 'pbx', secret: { env: 'TOKEN' } }] },
    };
    const unset = problems(raw);
    for (const name of ['HOOK', 'WEB', 'TOKEN'])
      assert.ok(unset.some((problem) => problem.includes(`variable ${name} is not set`)));
    assert.deepEqual(problems(raw, { HOOK: 'a', WEB: 'b', TOKEN: 'c' }), []);
  });

  it('come to where a trunk takes calls from mobiles, unless it says another place', () => {
    const inbound = { address: '192.0.2.9:5080', transport: 'tcp' };
    const toOf = (trunk: object) => {
      const plan = { name: 'p', timeZone: 'UTC', currency: 'KRW', commercialUse: 'allowed', classes: ['mobile'] };
      const raw = {
        networks: [{ name: 'lan', bind: '127.0.0.1' }],
        trunks: [{ name: 'pbx', network: 'lan', sources: ['192.0.2.2'], ...trunk }],
        gateways: [GATEWAY],
        plans: [{ ...plan, maxCallSeconds: 60, allowances: [] }],
        sims: [{ number: '+821040000001', plan: 'p' }],
        channels: [{ gateway: 'gw1', port: 1, sim: '+821040000001' }],
      };
      return resolveMessages(configFileSchema.parse(raw), {}).trunks[0]?.to;
    };
    assert.equal(toOf({ inbound }), null);
    assert.equal(toOf({ inbound, messages: {} }), 'sip:{user}@192.0.2.9:5080;transport=tcp');
    assert.equal(toOf({ inbound, messages: { to: 'sip:sms@192.0.2.3' } }), 'sip:sms@192.0.2.3');
    assert.equal(toOf({ messages: {} }), null);
  });
});
