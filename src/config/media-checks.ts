// What trunks, gateways and channels say of codecs, against itself and against the recording: what could never carry a call.
import type { ConfigPath, ConfigProblem } from './config-problem.js';
import type { SoundParts } from './sound-parts.js';

interface CodecKeys {
  readonly codecs?: readonly string[] | undefined;
  readonly preferredCodecs?: readonly string[] | undefined;
  readonly forbiddenCodecs?: readonly string[] | undefined;
}

/** What the recorder decodes. */
const RECORDABLE: readonly string[] = ['PCMA', 'PCMU'];

export function findMediaProblems(parts: SoundParts): ConfigProblem[] {
  // What rtpengine copies is G.711, whatever the side has.
  const isG711Needed =
    (parts.rawAt('recording', 'enabled') ?? true) === true && parts.rawAt('media', 'engine') !== 'rtpengine';
  const gateways = new Map(parts.entries('gateways').map(({ value }) => [value.name, value]));
  return [
    ...(['trunks', 'gateways'] as const).flatMap((section) =>
      parts.entries(section).flatMap(({ path, value }) => codecProblems(path, value, {}, isG711Needed)),
    ),
    ...parts.entries('channels').flatMap(({ path, value }) => {
      const { codecs, preferredCodecs, forbiddenCodecs } = value;
      if (codecs === undefined && preferredCodecs === undefined && forbiddenCodecs === undefined) return [];
      return codecProblems(path, value, gateways.get(value.gateway) ?? {}, isG711Needed);
    }),
  ];
}

/** `holder`: whose keys stand where the element has none. */
function codecProblems(path: ConfigPath, own: CodecKeys, holder: CodecKeys, isG711Needed: boolean): ConfigProblem[] {
  const codecs = own.codecs ?? holder.codecs ?? RECORDABLE;
  const forbidden = [...(own.forbiddenCodecs ?? []), ...(holder.forbiddenCodecs ?? [])];
  const allowed = codecs.filter((codec) => !forbidden.includes(codec));
  const problems = (own.preferredCodecs ?? []).flatMap((codec, index) =>
    codecs.includes(codec)
      ? []
      : [{ path: [...path, 'preferredCodecs', index], message: `is "${codec}", which is not among its codecs` }],
  );
  if (allowed.length === 0) {
    const key = own.forbiddenCodecs === undefined ? 'codecs' : 'forbiddenCodecs';
    return [...problems, { path: [...path, key], message: 'leaves no codec at all; must leave one' }];
  }
  if (isG711Needed && !allowed.some((codec) => RECORDABLE.includes(codec))) {
    const key = own.codecs === undefined ? 'forbiddenCodecs' : 'codecs';
    const message =
      'leaves neither PCMA nor PCMU, and recorded calls use no other; must leave one, or recording.enabled be false';
    return [...problems, { path: [...path, key], message }];
  }
  return problems;
}
