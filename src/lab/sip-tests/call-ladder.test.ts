import assert from 'node:assert/strict';
import { drawLadder } from './call-ladder.js';
import { parseTrace } from './sipp.js';

const RULE = '-----------------------------------------------';

const TRACE = `${RULE} 2026-01-05 01:00:00.200000
UDP message sent (309 bytes):

INVITE sip:1@127.0.0.1 SIP/2.0\r
CSeq: 1 INVITE\r
\r

${RULE} 2026-01-05 01:00:00.400000
TCP message received [512] bytes :

SIP/2.0 503 Service Unavailable\r
CSeq: 1 INVITE\r
Reason: Q.850;cause=34\r
\r
`;

describe('the messages of a failed case', () => {
  it('are read from the file that SIPp writes', () => {
    const messages = parseTrace(TRACE);
    assert.deepEqual(
      messages.map(({ time, direction }) => [time, direction]),
      [
        ['01:00:00.200000', 'sent'],
        ['01:00:00.400000', 'received'],
      ],
    );
    assert.match(messages[0]?.text ?? '', /^INVITE sip:1@127\.0\.0\.1 SIP\/2\.0\r\nCSeq: 1 INVITE$/);
  });

  it('are shown in the order of their times, whichever side saw them', () => {
    const ladder = drawLadder([
      { label: 'uac', messages: parseTrace(TRACE) },
      { label: 'uas', messages: [{ time: '01:00:00.300000', direction: 'received', text: 'INVITE sip:2 SIP/2.0' }] },
    ]);
    assert.deepEqual(
      ladder.split('\n').map((line) => line.trim()),
      [
        '01:00:00.200  uac        → simtrunk  INVITE sip:1@127.0.0.1 SIP/2.0  [1 INVITE]',
        '01:00:00.300  uas        ← simtrunk  INVITE sip:2 SIP/2.0  []',
        '01:00:00.400  uac        ← simtrunk  SIP/2.0 503 Service Unavailable  [1 INVITE · Q.850;cause=34]',
      ],
    );
  });

  it('are the last ones when there are many', () => {
    const many = Array.from({ length: 70 }, (_, i) => ({
      time: `01:00:00.${String(i).padStart(6, '0')}`,
      direction: 'sent' as const,
      text: `MESSAGE ${i}`,
    }));
    const lines = drawLadder([{ label: 'uac', messages: many }]).split('\n');
    assert.match(lines[0] ?? '', /10 earlier messages/);
    assert.match(lines.at(-1) ?? '', /MESSAGE 69/);
    assert.equal(lines.length, 61);
  });

  it('may be none', () => {
    assert.deepEqual(parseTrace(''), []);
    assert.equal(drawLadder([{ label: 'uac', messages: [] }]), '');
  });
});
