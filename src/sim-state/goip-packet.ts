// Datagrams of a GoIP to the "SMS server" of its settings, by its maker's "GoIP SMS Interface": a word with a number, then
// fields. Every 30 s a line tells its state:
//
//    req:27;id:line1;pass:secret;num:;signal:29;gsm_status:LOGIN;voip_status:LOGIN;voip_state:IDLE;…;imsi:…;iccid:…;
//    └┬┘ └┬┘
//   word  count, echoed in the answer "reg:27;status:200;"
//
// Fields differ by firmware, and values may hold colons; a text, behind "msg:", ends the packet. Nothing here throws.
import { iccidOf, type SimReport, signalOf } from './sim-report.js';

export interface GoipPacket {
  readonly word: string;
  readonly count: string;
  readonly id: string;
  readonly password: string;
  readonly fields: ReadonlyMap<string, string>;
  /** Null where there is none. */
  readonly text: string | null;
}

/** A keepalive has less than 500; a text that came in parts may have 3,000. */
export const MAX_GOIP_BYTES = 4_096;
const MAX_FIELDS = 64;
/** Before a text, which may hold whatever its sender likes. */
const TEXT_FIELD = ';msg:';

/** Null for what is none. */
export function readGoipPacket(bytes: Uint8Array): GoipPacket | null {
  if (bytes.length > MAX_GOIP_BYTES) return null;
  const whole = Buffer.from(bytes).toString('utf8');
  const textAt = whole.indexOf(TEXT_FIELD);
  const [head = '', ...rest] = (textAt === -1 ? whole : whole.slice(0, textAt)).split(';', MAX_FIELDS);
  const [, word = '', count = ''] = /^([A-Za-z_]{1,20}):(-?\d{1,20})$/.exec(head) ?? [];
  if (word === '') return null;
  const fields = new Map<string, string>();
  for (const part of rest) {
    const colon = part.indexOf(':');
    const name = part.slice(0, Math.max(0, colon));
    // The first one counts: what follows may be a stranger's text.
    if (colon > 0 && !fields.has(name)) fields.set(name, part.slice(colon + 1).trim());
  }
  const id = fields.get('id');
  const password = fields.get('pass') ?? fields.get('password');
  if (id === undefined || password === undefined) return null;
  const text = textAt === -1 ? null : whole.slice(textAt + TEXT_FIELD.length).replace(/[\0\r\n]+$/, '');
  return { word, count, id, password, fields, text };
}

/** Told of calls, cells and credit: said again until it is acknowledged. */
const ACKNOWLEDGED = ['STATE', 'RECORD', 'HANGUP', 'EXPIRY', 'REMAIN', 'CELLINFO', 'CELLS', 'BCCH', 'CGATT'];
/** Said again, every 3 s and three times, until it is acknowledged: it has to be kept before. */
const TOLD = ['RECEIVE', 'DELIVER'];

/** What its sender waits for; null for what is not taken. Shorter than any packet that it answers. */
export function answerTo({ word, count }: GoipPacket): string | null {
  if (word === 'req') return `reg:${count};status:200;`;
  return ACKNOWLEDGED.includes(word) || TOLD.includes(word) ? `${word} ${count} OK` : null;
}

/** What a line tells of text messages. */
export type GoipTold =
  /** A mobile sent it to the line's SIM. */
  | { readonly kind: 'text'; readonly count: string; readonly from: string; readonly text: string }
  /** What became of one that the line sent. */
  | {
      readonly kind: 'report';
      readonly count: string;
      /** By the line's own count of what it sent; null where it does not say. */
      readonly sent: string | null;
      /** Where it went; null in older firmware. */
      readonly number: string | null;
      /** TP-Status. */
      readonly state: number;
    };

/** Null for a packet that tells nothing of the kind; `malformed` for one that should. */
export function toldBy({ word, count, fields, text }: GoipPacket): GoipTold | 'malformed' | null {
  if (word === 'RECEIVE') {
    const from = fields.get('srcnum') ?? '';
    return from === '' || text === null ? 'malformed' : { kind: 'text', count, from, text };
  }
  if (word !== 'DELIVER') return null;
  const state = fields.get('state') ?? '';
  if (!/^\d{1,3}$/.test(state)) return 'malformed';
  const said = (name: string) => fields.get(name) || null;
  return { kind: 'report', count, sent: said('sms_no'), number: said('num'), state: Number(state) };
}

/** Null for a packet that is no keepalive. */
export function reportOfKeepalive({ word, fields }: GoipPacket): SimReport | null {
  if (word !== 'req') return null;
  const status = fields.get('gsm_status');
  const isLoggedIn = status === undefined || status === '' ? null : status.toUpperCase() === 'LOGIN';
  // Its module can be switched off by hand.
  const registered = fields.get('disable_status') === '1' ? false : isLoggedIn;
  const state = fields.get('voip_state');
  return {
    present: isPresent(fields, registered),
    registered,
    signal: signalOf(fields.get('signal') ?? ''),
    balance: null,
    inCall: state === undefined || state === '' ? null : state.toUpperCase() !== 'IDLE',
    iccid: iccidOf(fields.get('iccid') ?? ''),
  };
}

/** A port without a card has neither IMSI nor ICCID, or zeros; older firmware tells neither of any. */
function isPresent(fields: ReadonlyMap<string, string>, registered: boolean | null): boolean | null {
  if (registered === true) return true;
  const identities = ['imsi', 'iccid'].flatMap((name) => fields.get(name) ?? []);
  if (identities.length === 0) return null;
  return identities.some((identity) => /[1-9]/.test(identity));
}
