// What relay and recorder say of a call when they are done with it: part of its record.

/** The two sides of a call as media and recordings see them: left channel caller, right channel callee. */
export type Side = 'caller' | 'callee';

/** Counters of one direction, named after the side that sends. */
export interface StreamReport {
  readonly packets: number;
  readonly bytes: number;
  readonly lost: number;
  readonly jitterMs: number;
  readonly outOfOrder: number;
  readonly duplicates: number;
  /** RTCP packets received and accepted, DTLS that passed unread among them. */
  readonly rtcpPackets: number;
  /** RTCP packets that the relay made and sent to this side, because the other side sends none. */
  readonly rtcpGenerated: number;
  /** Packets transcoded on their way to the other side. */
  readonly transcoded: number;
  /** Between the relay and this side, by RTCP (RFC 3550 §6.4.1); null when it never told. */
  readonly roundTripMs: number | null;
  /** What the other side's RTCP last said of this stream; null when it said nothing. */
  readonly peerReport: { readonly lost: number; readonly jitterMs: number } | null;
  /** Conversational quality of what the relay received, 1 to 4.5 (ITU-T G.107); null without packets or for a codec without figures. */
  readonly mos: number | null;
  /** Milliseconds for which the side should have sent and did not, beyond the threshold of `media.silentAfterMs`. */
  readonly silentMs: number;
  /** Telephone-events that the side sent. */
  readonly dtmfEvents: number;
  /** Their digits; null unless the settings keep them. */
  readonly dtmfDigits: string | null;
  /** Dropped packets by cause. */
  readonly dropped: Readonly<Record<MediaDropCause, number>>;
  /** Where the first accepted packet came from, or null when none came. */
  readonly source: string | null;
  /** Wall time in ms of the first accepted packet, or null. */
  readonly firstPacketWallMs: number | null;
}

/** `ssrc`: a source that another one has replaced, where a side hears one stream. */
export type MediaDropCause = 'source' | 'ssrc' | 'payload-type' | 'malformed' | 'no-destination' | 'send-error';

export interface MediaReport {
  /** What the caller sent and what the callee sent. */
  readonly caller: StreamReport;
  readonly callee: StreamReport;
  /** Milliseconds since the last accepted RTP packet of either side, monotonic; null before the first. */
  readonly lastPacketAgeMs: number | null;
}

export interface RecordingReport {
  /** `partial`: something was lost (a full queue, a full disk, a dead thread); the file holds the rest. */
  readonly state: 'complete' | 'partial' | 'lost';
  /** Where the file is; for `lost`, where it would have been. */
  readonly path: string;
  /** Hex SHA-256 of the finished file; null when there is none. */
  readonly sha256: string | null;
  readonly bytes: number;
  readonly durationMs: number;
  /** Of each side; null, as the two counts below, when it was found after a crash. */
  readonly packets: Readonly<Record<Side, number>> | null;
  /** Times a run was anchored anew (semantics: "Recording timeline"). */
  readonly reanchored: number | null;
  /** Forked packets that did not reach the file. */
  readonly lostPackets: number | null;
}
