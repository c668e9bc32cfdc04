// Listens to the recordings of a load run: whose tone is in which channel.
import { readFileSync } from 'node:fs';
import { readWav } from '../../read-wav.js';
import type { LoadCdr, ToneSight } from './load-evidence.js';
import type { LoadCall } from './load-plan.js';
import type { WorldReport } from './load-world.js';
import { findTone } from './tone-blocks.js';

const UNHEARD = { caller: 0, callee: 0, seconds: 0 };

export function listenToRecordings(
  plan: readonly LoadCall[],
  cdrs: readonly LoadCdr[],
  callers: WorldReport['callers'],
): ToneSight[] {
  const cdrOf = new Map(cdrs.map((cdr) => [cdr.dialled, cdr]));
  return plan.flatMap(({ number, tones }): ToneSight[] => {
    const recording = cdrOf.get(number)?.recording;
    if (tones === null || recording === undefined || recording === null) return [];
    const heardByCaller = callers[number]?.calleeShare ?? 0;
    try {
      if (recording.state !== 'complete') throw new Error(`its state is ${recording.state}`);
      const { channels } = readWav(readFileSync(recording.path));
      const [left, right] = channels;
      if (left === undefined || right === undefined) throw new Error('it is not stereo');
      return [{ number, problem: null, left: sidesIn(left, tones), right: sidesIn(right, tones), heardByCaller }];
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      return [{ number, problem, left: UNHEARD, right: UNHEARD, heardByCaller }];
    }
  });
}

function sidesIn(audio: Int16Array, tones: NonNullable<LoadCall['tones']>): ToneSight['left'] {
  const caller = findTone(audio, tones.callerHz);
  const callee = findTone(audio, tones.calleeHz);
  return { caller: caller.share, callee: callee.share, seconds: caller.seconds };
}
