// Holds config/simtrunk.yaml to its word: each key with a default is shown with that default, and says so.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { type ConfigPath, formatPath, positionOf } from './config-problem.js';
import { configFileSchema } from './schema.js';

const FILE = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'config', 'simtrunk.yaml');

/** Keys whose value in the default config is not the schema's default, and why. */
const DELIBERATE: Readonly<Record<string, string>> = {
  dataDir: 'the default config lies in config/, its data belongs beside that folder',
  plans: 'plans may all stand in files; the default config has one of its own',
  'plans[].allowances': 'the default plan has small allowances, so that quota is visible in the demo',
};

/** Keys with a default that the file shows in a comment only, and why. */
const COMMENTED_OUT: Readonly<Record<string, string>> = {
  'sip.homer.captureId': 'a collector is something that an operator has or has not',
  'plans[].allowances[].credits.stepSeconds': 'the default plan has no credits',
  'plans[].allowances[].rounding.minimumSeconds': 'an allowance has its plan’s rounding, unless it says another',
  'trunks[].policy.callingHours[].days': 'a trunk has what holds for all, unless it says otherwise',
  'policy.doNotCall[].country': 'an operator has a do-not-call list or has not',
  'policy.doNotCall[].maxAgeDays': 'an operator has a do-not-call list or has not',
  'policy.doNotCall[].refreshMinutes': 'an operator has a do-not-call list or has not',
  'policy.doNotCall[].timeoutMs': 'an operator has a do-not-call list or has not',
  'policy.doNotCall[].maxBytes': 'an operator has a do-not-call list or has not',
  'policy.callingHours[].days': 'by default there are no hours to keep to',
  ...Object.fromEntries(
    ['prefix', 'leaseMs', 'guardMs', 'timeoutMs', 'awayLimitMs', 'whenAway', 'heldBack', 'capSharePercent'].map(
      (key) => [`ledger.redis.${key}`, 'Redis is something that an operator has or has not'],
    ),
  ),
  ...Object.fromEntries(
    [
      ...['requestTimeoutMs', 'pingIntervalMs', 'failAfter', 'watchIntervalMs', 'lostAfterMs', 'fork', 'dtmf'],
      ...['transcodes', 'engines[].weight', 'engines[].drain', 'engines[].interfaces'],
    ].map((key) => [`media.rtpengine.${key}`, 'rtpengine is something that an operator has or has not']),
  ),
  ...Object.fromEntries(
    ['take', 'user', 'reports', 'webhook.timeoutMs'].map((key) => [
      `trunks[].messages.${key}`,
      'the lab’s gateway sends no text messages',
    ]),
  ),
  ...Object.fromEntries(
    [
      ...['via', 'alphabet', 'smsParts', 'smsBytes', 'lmsBytes', 'mms', 'gapMs', 'onSilence', 'http.timeoutMs'],
      'http.verifyServer',
      ...['inbound', 'inbound.senderFrom', 'inbound.channelFrom', 'push.preset'],
    ].map((key) => [`gateways[].messages.${key}`, 'the lab’s gateway sends no text messages']),
  ),
  ...Object.fromEntries(
    [
      ...[
        'ask[].method',
        'ask[].list',
        'ask[].cursor.start',
        'ask[].message.textIs',
        'verifyServer',
        'intervalSeconds',
      ],
      ...['timeoutMs', 'maxBytes', 'timeZone', 'spanHours'],
    ].map((key) => [`gateways[].messages.poll.${key}`, 'the lab’s gateway keeps no text messages']),
  ),
  ...Object.fromEntries(
    ['address', 'port', 'maxBodyBytes'].map((key) => [`api.${key}`, 'an operator has an HTTP API or has not']),
  ),
  'gateways[].responses[].coolDownSeconds': 'the lab’s gateway needs no rules of its own',
  'sip.drachtio.port': 'an external drachtio-server is not the default',
  'sip.drachtio.shared': 'an external drachtio-server is not the default',
  'registrations[].transport': 'no registrar wants simtrunk by default',
  'registrations[].expiresSeconds': 'no registrar wants simtrunk by default',
  ...Object.fromEntries(
    [
      ...['transport', 'connection', 'agent', 'default', 'affinityHours', 'callerId', 'fromUser', 'headers'],
      ...['firstResponseTimeoutMs', 'agentRingTimeoutMs', 'ringTimeoutMs'],
    ].map((key) => [`trunks[].inbound.${key}`, 'a PBX takes calls from mobiles or does not']),
  ),
  'gateways[].inbound.channelFrom': 'a gateway’s calls are taken or are not',
  'gateways[].inbound.callerFrom': 'a gateway’s calls are taken or are not',
  'gateways[].registers.minExpiresSeconds': 'the default gateway has an address',
  'gateways[].registers.maxExpiresSeconds': 'the default gateway has an address',
  'networks[].sip[].requestClientCertificate': 'TLS needs a certificate, which only an operator has',
  'networks[].sip[].verifyServer': 'TLS needs a certificate, which only an operator has',
};

/** Caps are written as plans are, and shown there. */
const OF_CAPS = /^.*\bcaps\./;

interface DefaultedKey {
  readonly pattern: string;
  readonly value: unknown;
}

interface Def {
  readonly type: string;
  readonly innerType?: z.core.$ZodType;
  readonly element?: z.core.$ZodType;
  readonly options?: readonly z.core.$ZodType[];
  readonly shape?: Readonly<Record<string, z.core.$ZodType>>;
  readonly defaultValue?: unknown;
}

/** Every key of the schema that has a default, with `[]` for "each element". */
function defaultedKeys(schema: z.core.$ZodType, pattern: string): DefaultedKey[] {
  const def = schema._zod.def as unknown as Def;
  if (def.type === 'default') return [{ pattern, value: def.defaultValue }, ...inside(def, pattern)];
  return inside(def, pattern);
}

function inside(def: Def, pattern: string): DefaultedKey[] {
  if (def.innerType !== undefined) {
    const inner = def.innerType._zod.def as unknown as Def;
    // What a default gives as a whole is compared as a whole.
    return def.type === 'default' && inner.type !== 'array' ? [] : defaultedKeys(def.innerType, pattern);
  }
  if (def.element !== undefined) return defaultedKeys(def.element, `${pattern}[]`);
  if (def.options !== undefined) return def.options.flatMap((option) => defaultedKeys(option, pattern));
  return Object.entries(def.shape ?? {}).flatMap(([key, value]) =>
    defaultedKeys(value, pattern === '' ? key : `${pattern}.${key}`),
  );
}

/** The paths in a value that match a pattern and are there. */
function pathsOf(value: unknown, steps: readonly string[], path: ConfigPath = []): ConfigPath[] {
  const [step, ...rest] = steps;
  if (step === undefined) return value === undefined ? [] : [path];
  if (step === '[]') {
    return Array.isArray(value) ? value.flatMap((element, index) => pathsOf(element, rest, [...path, index])) : [];
  }
  return typeof value === 'object' && value !== null
    ? pathsOf((value as Record<string, unknown>)[step], rest, [...path, step])
    : [];
}

describe('config/simtrunk.yaml', () => {
  const text = readFileSync(FILE, 'utf8');
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const raw: unknown = document.toJS();
  const keys = defaultedKeys(configFileSchema, '');

  it('finds the keys that have a default', () => {
    const patterns = keys.map(({ pattern }) => pattern);
    for (const expected of ['sip.t1Ms', 'gateways[].gapMs', 'plans[].allowances[].beyond', 'log.level']) {
      assert.ok(patterns.includes(expected), expected);
    }
  });

  it('has one meaning for the keys of caps and of plans', () => {
    const ofPlans = new Map(keys.map(({ pattern, value }) => [pattern, value]));
    const ofCaps = keys.filter(({ pattern }) => OF_CAPS.test(pattern));
    assert.ok(ofCaps.length > 0);
    for (const { pattern, value } of ofCaps) {
      const same = pattern.replace(OF_CAPS, 'plans[].');
      assert.ok(ofPlans.has(same), pattern);
      assert.deepEqual(value, ofPlans.get(same), pattern);
    }
  });

  for (const { pattern, value } of keys) {
    if (pattern in COMMENTED_OUT || OF_CAPS.test(pattern)) continue;
    it(`shows ${pattern} with its default`, () => {
      const paths = pathsOf(raw, pattern.split(/(?=\[\])|\./));
      const first = paths[0];
      assert.ok(first !== undefined, 'the key is not in the file');
      if (pattern in DELIBERATE) return;
      assert.deepEqual(toPlain(document.getIn(first)), value, formatPath(first));
      const { line } = positionOf(document, lines, first, true);
      assert.match(text.split('\n')[line - 1] ?? '', /default/, `line ${line} does not say "default"`);
    });
  }
});

function toPlain(node: unknown): unknown {
  return typeof node === 'object' && node !== null && 'toJSON' in node
    ? (node as { toJSON(): unknown }).toJSON()
    : node;
}
