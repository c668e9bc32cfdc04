// One direction of a relayed call: what one side sends, on its way to the other. Each packet is counted, forked as it came,
// then given the other side's payload type and codec, and numbered as one stream.
import { isRtcp } from '../../rtp/rtcp-packet.js';
import { isRtp, payloadEndOf, payloadStartOf, payloadTypeOf } from '../../rtp/rtp-header.js';
