// `simtrunk demo --keep`: stays up, places a call every few seconds, and tells a person how to place their own.
import { setTimeout as sleep } from 'node:timers/promises';
import { NUMBER_ENDINGS } from './callee-behaviour.js';
import type { DemoLab } from './demo-lab.js';
import { seconds, spokenNumber } from './demo-report.js';
import { seededRandom, speak } from './speech.js';
import type { Ink } from './terminal.js';

const PAUSE_MS = 4000;
/** Long enough to see three silent channels tried. */
const RING_PATIENCE_MS = 15_000;
/** A call's record is complete when its last attempt is over: for a silent gateway that is 64·T1 after giving up. */
const CDR_PATIENCE_MS = 45_000;
const LAST_CDR_PATIENCE_MS = 2_000;

export interface KeepOptions {
  readonly json: boolean;
  readonly print: (text: string) => void;
  readonly ink: Ink;
  readonly stop: AbortSignal;
}

interface Tally {
  placed: number;
  answered: number;
  talkedMs: number;
}

/** Resolves when stopped, after the last live call has ended and a summary was printed. */
export async function keepCalling(lab: DemoLab, options: KeepOptions): Promise<void> {
  if (!options.json) options.print(invitation(lab, options.ink));
  const random = seededRandom(Date.now());
  const tally: Tally = { placed: 0, answered: 0, talkedMs: 0 };
  const live = new Set<Promise<void>>();
  while (!options.stop.aborted) {
    const call = placeOne(lab, options, random, tally)
      .catch((error) => options.print(`   ${options.ink.bad(`a call could not be placed: ${error}`)}\n`))
      .finally(() => live.delete(call));
    live.add(call);
    await sleep(PAUSE_MS, undefined, { signal: options.stop }).catch(() => undefined);
  }
  await Promise.all(live);
  if (!options.json) options.print(summary(lab, tally, options.ink));
}

function invitation(lab: DemoLab, ink: Ink): string {
  const udp = lab.app.listeners.find(({ transport }) => transport === 'udp');
  const target = `${udp?.address}:${udp?.port}`;
  const endings = NUMBER_ENDINGS.map(({ ending, meaning }) => `   ${ink.dim(ending.padEnd(11))}${meaning}`);
  return [
    '',
    `${ink.strong('A call every few seconds from now on.')} Ctrl-C ends it.`,
    '',
    'Place your own, from this machine, with any softphone or SIPp, no registration:',
    '',
    `   sip:01055551234@${target}`,
    `   sipp -sn uac -s 01055551234 -m 1 -d 5000 ${target}`,
    '',
    'Callees ring, answer and talk; not so those whose number ends in',
    '',
    ...endings,
    '',
    '',
  ].join('\n');
}

/** One call in six meets a callee with an ending of its own. */
function pickNumber(random: () => number): string {
  const person = String(1000 + Math.floor(random() * 40));
  const special = NUMBER_ENDINGS[Math.floor(random() * NUMBER_ENDINGS.length * 6)];
  return `0105555${special?.ending ?? person}`;
}

async function placeOne(lab: DemoLab, options: KeepOptions, random: () => number, tally: Tally): Promise<void> {
  const number = pickNumber(random);
  const talkMs = Math.round(2000 + random() * 6000);
  tally.placed += 1;
  const time = new Date().toLocaleTimeString('en-GB');
  const call = await lab.phone.call({ number, says: speak(Number(number.slice(-4)), 8), saysRepeatedly: true });
  const patience = AbortSignal.any([options.stop, AbortSignal.timeout(RING_PATIENCE_MS)]);
  const answered = await Promise.race([call.answered, aborted(patience).then(() => false)]);
  if (answered) {
    const end = AbortSignal.any([options.stop, AbortSignal.timeout(talkMs)]);
    await Promise.race([call.ended, aborted(end)]);
  }
  call.hangUp();
  const outcome = await call.ended;
  if (outcome.answered) tally.answered += 1;
  tally.talkedMs += outcome.talkedMs;
  const [published] = await lab.publishedCdrs(
    outcome.sipCallId,
    AbortSignal.any([soonAfter(options.stop), AbortSignal.timeout(CDR_PATIENCE_MS)]),
  );
  const channels = published?.cdr.attempts.map(({ channel }) => channel).join(' → ') ?? '';
  if (options.json) {
    options.print(
      `${JSON.stringify({ call: 'kept', number, status: outcome.status, channels, cdr: published?.place ?? null })}\n`,
    );
    return;
  }
  const ending = outcome.answered
    ? `talked ${seconds(outcome.talkedMs)}, billed ${published?.cdr.billedSeconds ?? '?'} s`
    : `${outcome.status ?? 'no response'} ${published?.cdr.endReason ?? ''}`;
  options.print(`   ${options.ink.dim(time)}  ${spokenNumber(number)}  ${channels.padEnd(16)} ${ending}\n`);
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

/** At the end too a record is waited for: that of a call which was just hung up is only milliseconds away. */
function soonAfter(stop: AbortSignal): AbortSignal {
  const controller = new AbortController();
  void aborted(stop)
    .then(() => sleep(LAST_CDR_PATIENCE_MS, undefined, { ref: false }))
    .then(() => controller.abort());
  return controller.signal;
}

function summary(lab: DemoLab, tally: Tally, ink: Ink): string {
  const used = [...lab.gateway.secondsByPort()];
  const billed = used.reduce((sum, [, portSeconds]) => sum + portSeconds, 0);
  return [
    '',
    ink.strong(`${tally.placed} calls placed, ${tally.answered} answered, ${seconds(tally.talkedMs)} talked`),
    `${lab.gateway.calls.length} calls at the gateway, ${billed} s billed on ${used.length} of ${lab.gateway.simPorts} SIMs, ${lab.gateway.violations.length} violations`,
    '',
  ].join('\n');
}
