import assert from 'node:assert/strict';
import { currentMedia, holdsOf } from './media-of-trace.js';
import type { TracedMessage } from './sipp.js';

function message(
  direction: TracedMessage['direction'],
  time: string,
  first: string,
  sdp: string[] = [],
): TracedMessage {
  const body = sdp.length === 0 ? '' : ['v=0', 'c=IN IP4 127.0.0.1', ...sdp].join('\r\n');
  return { direction, time, text: `${first}\r\n\r\n${body}` };
}

const AUDIO = 'm=audio 4000 RTP/AVP 8';

describe('the media of a trace', () => {
  const offer = message('sent', '10:00:00.000000', 'INVITE sip:x', [AUDIO]);
  const answer = message('received', '10:00:01.000000', 'SIP/2.0 200 OK', [
    'm=video 0 RTP/AVP 31',
    'm=audio 5002 RTP/AVP 8',
  ]);

  it('lead to where the other side said last, once both have said something', () => {
    assert.deepEqual(currentMedia([offer]), { remote: null, maySend: false });
    const remote = { address: '127.0.0.1', port: 5002, isAudio: true, direction: 'sendrecv' };
    assert.deepEqual(currentMedia([offer, answer]), { remote, maySend: true });
    const bye = message('received', '10:00:02.000000', 'BYE sip:x');
    assert.equal(currentMedia([offer, answer, bye]).maySend, false);
  });

  it('may be said nothing to who does not listen, nor by who does not send', () => {
    const held = message('received', '10:00:02.000000', 'INVITE sip:x', [AUDIO, 'a=sendonly']);
    assert.equal(currentMedia([offer, answer, held]).maySend, false);
    const silent = message('sent', '10:00:02.000000', 'INVITE sip:x', [AUDIO, 'a=recvonly']);
    assert.equal(currentMedia([offer, answer, silent]).maySend, false);
  });

  it('are on hold from the 200 to the offer that ends it', () => {
    const hold = message('sent', '10:00:02.000000', 'INVITE sip:x', [AUDIO, 'a=sendonly']);
    const held = message('received', '10:00:02.500000', 'SIP/2.0 200 OK', [AUDIO, 'a=recvonly']);
    const resume = message('sent', '10:00:03.250000', 'INVITE sip:x', [AUDIO]);
    const resumed = message('received', '10:00:03.300000', 'SIP/2.0 200 OK', [AUDIO]);
    assert.deepEqual(holdsOf([offer, answer, hold, held, hold, held, resume, resumed]), [
      { fromMs: 36_002_500, toMs: 36_003_250 },
    ]);
  });
});
