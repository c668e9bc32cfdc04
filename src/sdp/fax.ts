// Fax by T.38 over UDPTL (ITU-T T.38 Annex D): an `m=image` that takes the place of the audio in mid-call, or with which a call begins.
// What its attributes say is between the two ends; here it is handed on with our address, and the audio beside it with port 0.
import { isIPv4, isIPv6 } from 'node:net';
import type {
  CodecSelection,
  FaxDescription,
  LocalDescription,
  LocalFax,
  MediaLine,
  SdpResult,
  SdpSession,
} from './description.js';
import { buildOffer, type LocalEndpoint } from './negotiate.js';
import { readLines } from './read-description.js';
import { ownAudioLine, writeDescription, writeFaxDescription } from './write-description.js';

/** Reads a description with a fax and no audio; `no-audio` when it has neither, `not-an-answer` when it is one of audio. */
export function readFax(sdp: string): SdpResult<{ description: FaxDescription }> {
  const lines = readLines(sdp);
  if (lines === null) return { ok: false, reason: 'malformed' };
  const { media, timing } = lines;
  if (media.some(({ type, port }) => type === 'audio' && port !== 0)) return { ok: false, reason: 'not-an-answer' };
  const index = media.findIndex((line) => line.port !== 0 && isFax(line));
  if (index === -1) return { ok: false, reason: media.some(isFax) ? 'stream-refused' : 'no-audio' };
  const address = lines.addressOf(index);
  if (address === undefined) return { ok: false, reason: 'malformed' };
  // A name would have to be looked up, and a group has no answer.
  const isUsable = isIPv6(address) || (isIPv4(address) && Number(address.split('.')[0]) < 224);
  if (!isUsable) return { ok: false, reason: 'unsupported-address' };
  const port = media[index]?.port ?? 0;
  return { ok: true, description: { media, timing, fax: { index, address, port, attributes: lines.faxOf(index) } } };
}

/** Reads the answer to a fax that we offered. */
export function checkFaxAnswer(sdp: string, offer: LocalFax): SdpResult<{ description: FaxDescription }> {
  const read = readFax(sdp);
  if (!read.ok) return read;
  const { media, fax } = read.description;
  const isOurs = media.length === offer.media.length && fax.index === offer.faxIndex;
  return isOurs ? read : { ok: false, reason: 'not-an-answer' };
}

/**
 * An offer that turns a leg from audio to the other leg's fax. Its line is put as that one was: beside the audio, which gets port 0,
 * or in its place (RFC 3264 §8.3.3).
 */
export function faxAgain(previous: LocalDescription, { media, fax }: FaxDescription): LocalFax {
  const isBeside = media.some(({ type }) => type === 'audio');
  const line = { ...lineOf(media, fax.index), port: previous.audio.rtpPort };
  const refused = previous.media.map((other) => ({ ...other, port: 0 }));
  const known = refused.findIndex(isFax);
  const faxIndex = !isBeside ? previous.audioIndex : known === -1 ? refused.length : known;
  const lines = faxIndex === refused.length ? [...refused, line] : refused.toSpliced(faxIndex, 1, line);
  const session = { id: previous.session.id, version: previous.session.version + 1 };
  const { timing, audio } = previous;
  return writeFaxDescription({
    session,
    media: lines,
    faxIndex,
    timing,
    address: audio.address,
    attributes: fax.attributes,
  });
}

/** An offer that has nothing but the other leg's fax. */
export function offerFax(
  { media, fax }: FaxDescription,
  { session, local }: { readonly session: SdpSession; readonly local: LocalEndpoint },
): LocalFax {
  return writeFaxDescription({
    session,
    media: [{ ...lineOf(media, fax.index), port: local.rtpPort }],
    faxIndex: 0,
    timing: { start: 0, stop: 0 },
    address: local.address,
    attributes: fax.attributes,
  });
}

/** An offer that turns a leg back to the fax that it had. */
export function faxOnceMore(told: LocalFax, { address }: Pick<LocalEndpoint, 'address'>): LocalFax {
  const session = { id: told.session.id, version: told.session.version + 1 };
  return writeFaxDescription({ ...told, session, address, attributes: attributesOf(told) });
}

/** What a description of ours says of T.38. */
export function attributesOf({ sdp }: LocalFax): string[] {
  return [...sdp.matchAll(/^a=(T38.*?)\r?$/gm)].map(([, value = '']) => value);
}

/** The answer to a peer's fax, with what the other end's answer says of it. */
export function answerFax(
  { media, timing, fax }: FaxDescription,
  from: { readonly session: SdpSession; readonly local: LocalEndpoint },
  attributes: readonly string[],
): LocalFax {
  const { session, local } = from;
  const lines = media.map((line, index) => ({ ...line, port: index === fax.index ? local.rtpPort : 0 }));
  return writeFaxDescription({
    session,
    media: lines,
    faxIndex: fax.index,
    timing,
    address: local.address,
    attributes,
  });
}

function lineOf(media: readonly MediaLine[], index: number): MediaLine {
  return media[index] ?? { type: 'image', port: 0, protocol: 'udptl', formats: ['t38'] };
}

function isFax({ type, protocol }: MediaLine): boolean {
  return type === 'image' && protocol.toLowerCase() === 'udptl';
}

/** The audio to which a leg could be turned that has had none so far: in the place of an audio line, else in that of the fax. */
export function audioInstead(fax: LocalFax, local: LocalEndpoint, selection: CodecSelection): LocalDescription {
  const audio = buildOffer({ session: fax.session, local, selection });
  const known = fax.media.findIndex(({ type }) => type === 'audio');
  // It was never sent: whatever follows it is another description.
  return { ...audio, sdp: '', audioIndex: known === -1 ? fax.faxIndex : known };
}

/** An offer that turns a leg back to the audio that it had, in the places of all lines that it has now. */
export function audioAgain(audio: LocalDescription, { session, media }: LocalFax): LocalDescription {
  const own = ownAudioLine(audio.audio);
  const lines = media.map((line, index) => (index === audio.audioIndex ? own : { ...line, port: 0 }));
  const next = { id: session.id, version: session.version + 1 };
  return writeDescription({ ...audio, session: next, media: lines });
}
