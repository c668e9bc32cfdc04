// The media of calls under test: read of a trunk's offer, on a session that keeps what it was told.
import assert from 'node:assert/strict';
import type { MediaPolicy } from '../sdp/media-policy.js';
import { CallMedia } from './call-media.js';
import { requestOf } from './call-test-kit.js';
import { FakeMedia } from './fake-media.js';
import type { MediaCapabilities, MediaRemote, MediaSession, Renegotiation, ReofferAnswer } from './ports.js';
import type { Side } from './reports.js';

/** A call's media, what the relay was told last of each side, and the re-INVITEs of ours, which the test answers. */
export interface RelayedMedia {
  readonly media: CallMedia;
  readonly remotes: Map<Side, MediaRemote>;
  readonly asked: { side: Side; sdp: string; answered: (answer: ReofferAnswer) => void }[];
}

interface Circumstances extends Partial<MediaCapabilities> {
  readonly recorded?: boolean;
}

/** The offer of a trunk with this policy, where the media engine can do nothing but relay unless it is said. */
export function readMedia(
  offerSdp: string | null,
  policy: MediaPolicy,
  { recorded = true, ...capabilities }: Circumstances = {},
): ReturnType<typeof CallMedia.read> {
  const { trunk, signallingAddress } = requestOf({});
  return CallMedia.read({
    ...{ trunk: { ...trunk, media: policy }, signallingAddress, offerSdp, recorded, sessionId: '1' },
    capabilities: { ...new FakeMedia([]).capabilities, ...capabilities },
  });
}

/** @param changes what the session does in another way */
export async function relayed(
  read: ReturnType<typeof CallMedia.read>,
  changes: (session: MediaSession) => Partial<MediaSession> = () => ({}),
): Promise<RelayedMedia> {
  assert.ok(read.ok);
  const { media } = read;
  const remotes: RelayedMedia['remotes'] = new Map();
  const asked: RelayedMedia['asked'] = [];
  const opened = await new FakeMedia([]).open({ sessionId: 'x' });
  assert.ok(opened.ok);
  const setRemote: MediaSession['setRemote'] = (side, remote) => remotes.set(side, remote);
  media.use({ ...opened.session, setRemote, ...changes(opened.session) });
  media.onReoffer((side, sdp, answered) => asked.push({ side, sdp, answered }));
  return { media, remotes, asked };
}

/** A re-INVITE of a side: its answers with SDP, and the statuses that refused it. */
export function reinvite(
  media: CallMedia,
  side: Side,
  offerSdp: string | null,
  onAnswer: Renegotiation['onAnswer'] = () => {},
): { accepted: string[]; refused: number[] } {
  const told = { accepted: [] as string[], refused: [] as number[] };
  media.renegotiate(side, {
    offerSdp,
    accept: (sdp) => told.accepted.push(sdp),
    refuse: (status) => told.refused.push(status),
    onAnswer,
  });
  return told;
}
