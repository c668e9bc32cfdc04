// What is said to be different between two config files, and what of it a running service takes.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { type ConfigChange, configChanges } from './config-changes.js';
import { parseConfig } from './load-config.js';
import { isReloadable } from './reload-rules.js';
import { configFileSchema } from './schema.js';

type Raw = Record<string, unknown>;
type Entry = Record<string, unknown>;

const FILE = 'config/simtrunk.yaml';
const TEXT = readFileSync(FILE, 'utf8');

function written(change: (raw: Raw) => void = () => {}) {
  const raw = parse(TEXT) as Raw;
  change(raw);
  return parseConfig(JSON.stringify(raw), FILE, { env: {} }).written;
}

function changesOf(change: (raw: Raw) => void): readonly ConfigChange[] {
  return configChanges(written(), written(change));
}

const list = (raw: Raw, key: string) => raw[key] as Entry[];

describe('the changes of a config', () => {
  it('are none between a file and itself, however its keys are ordered and its defaults written', () => {
    assert.deepEqual(configChanges(written(), written()), []);
    const changes = changesOf((raw) => {
      const [gateway] = list(raw, 'gateways');
      raw.gateways = [Object.fromEntries(Object.entries({ ...gateway, probe: undefined }).reverse())];
      raw.call = { ...(raw.call as Entry), maxAttempts: 3 };
    });
    assert.deepEqual(changes, []);
  });

  it('name an element that came, went or changed by its name, and the key that is different', () => {
    const changes = changesOf((raw) => {
      const [gateway] = list(raw, 'gateways');
      raw.gateways = [{ ...gateway, ringTimeoutMs: 30_000 }];
      const channels = list(raw, 'channels');
      raw.channels = channels.slice(0, -1);
      raw.trunks = [...list(raw, 'trunks'), { name: 'second', network: 'lan', sources: ['192.0.2.44'] }];
    });
    const found = new Map(changes.map((change) => [change.path, change]));
    const name = list(parse(TEXT), 'gateways')[0]?.name;
    const ring = found.get(`gateways.${name}.ringTimeoutMs`);
    assert.deepEqual([ring?.kind, ring?.before, ring?.after, ring?.isReloadable], ['changed', '60000', '30000', true]);
    assert.equal(found.get('trunks.second')?.kind, 'added');
    const last = list(parse(TEXT), 'channels').at(-1);
    assert.equal(found.get(`channels.${last?.gateway}/${last?.port}`)?.kind, 'removed');
    assert.equal(changes.length, 3);
  });

  it('say of a secret that it is another one, and never what it is', () => {
    const withPassword = (password: unknown) =>
      written((raw) => {
        const [trunk, ...others] = list(raw, 'trunks');
        raw.trunks = [{ ...trunk, digest: { username: 'pbx', password } }, ...others];
      });
    const changes = configChanges(withPassword('the first one'), withPassword('the second one'));
    assert.equal(changes.length, 1);
    assert.match(changes[0]?.path ?? '', /^trunks\..*\.digest\.password$/);
    assert.deepEqual([changes[0]?.before, changes[0]?.after], [null, null]);
    assert.deepEqual(configChanges(withPassword('the first one'), withPassword('the first one')), []);
    const added = configChanges(written(), withPassword('the first one'));
    assert.doesNotMatch(JSON.stringify([added, withPassword('the first one')]), /the first one/);
  });

  it('tell what needs a restart: listeners, port ranges, paths, engines, the ledger', () => {
    const changes = changesOf((raw) => {
      const [network] = list(raw, 'networks');
      raw.networks = [{ ...network, mediaPorts: { from: 40_000, to: 40_999 } }];
      raw.dataDir = 'elsewhere';
      raw.media = { ...(raw.media as Entry), threads: 7 };
      raw.recording = { ...(raw.recording as Entry), dir: 'elsewhere' };
      raw.ledger = { ...(raw.ledger as Entry), sliceSeconds: 20 };
    });
    assert.ok(changes.length >= 5);
    assert.deepEqual(
      changes.filter((change) => change.isReloadable),
      [],
    );
  });

  it('take no key for reloadable that nobody has listed', () => {
    const known = Object.keys(configFileSchema.shape).filter((key) => isReloadable([key]));
    assert.ok(known.includes('plans') && !known.includes('networks') && !known.includes('ledger'));
    assert.equal(isReloadable(['planetary']), false);
    assert.equal(isReloadable(['call', 'minCallSeconds']), false);
  });
});
