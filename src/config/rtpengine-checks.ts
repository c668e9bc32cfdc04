// Problems of `media.rtpengine`: what its keys say together, and which networks they name.
import type { ConfigProblem } from './config-problem.js';
import { nearestName } from './nearest-name.js';
import type { SoundParts } from './sound-parts.js';

export function findRtpengineProblems(parts: SoundParts): ConfigProblem[] {
  const section = parts.rawAt('media', 'rtpengine');
  if (section === undefined) {
    if (parts.rawAt('media', 'engine') !== 'rtpengine') return [];
    return [{ path: ['media', 'engine'], message: 'rtpengine needs a section media.rtpengine with its engines' }];
  }
  const engines = parts.rawAt('media', 'rtpengine', 'engines');
  if (!Array.isArray(engines)) return [];
  return [...repeatedUrls(engines), ...unknownNetworks(parts, engines)];
}

/** One rtpengine twice would be asked twice as often, and get twice its share. */
function repeatedUrls(engines: readonly unknown[]): ConfigProblem[] {
  const seen = new Set<string>();
  return engines.flatMap((engine: unknown, index): ConfigProblem[] => {
    const url = (engine as { url?: unknown } | null)?.url;
    if (typeof url !== 'string') return [];
    if (!seen.has(url)) {
      seen.add(url);
      return [];
    }
    return [
      { path: ['media', 'rtpengine', 'engines', index, 'url'], message: `"${url}" is there twice; raise its weight` },
    ];
  });
}

function unknownNetworks(parts: SoundParts, engines: readonly unknown[]): ConfigProblem[] {
  const networks = parts.texts('networks', 'name').map(({ value }) => value);
  return engines.flatMap((engine: unknown, index) => {
    const interfaces = (engine as { interfaces?: unknown } | null)?.interfaces;
    if (typeof interfaces !== 'object' || interfaces === null) return [];
    return Object.keys(interfaces).flatMap((network): ConfigProblem[] => {
      if (networks.includes(network)) return [];
      const path = ['media', 'rtpengine', 'engines', index, 'interfaces', network];
      const near = nearestName(network, networks);
      const hint = near === undefined ? '' : `; did you mean "${near}"?`;
      return [{ path, message: `there is no network "${network}"${hint}` }];
    });
  });
}
