import assert from 'node:assert/strict';
import fc from 'fast-check';
import { bodyOf, hasOtherBody, sdpOf } from './session-body.js';
import type { SipMessage } from './srf.js';

const SDP = 'v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n';

function message(body: string | undefined, type?: string, disposition?: string): SipMessage {
  const headers: Record<string, string | undefined> = { 'Content-Type': type, 'Content-Disposition': disposition };
  return { body, get: (name: string) => headers[name] } as unknown as SipMessage;
}

function multipart(...parts: readonly (readonly [string, string])[]): string {
  return `${parts.map(([type, body]) => `--gate--way\r\nContent-Type: ${type}\r\nX: y\r\n\r\n${body}`).join('\r\n')}\r\n--gate--way--\r\n`;
}

describe('the description in a message', () => {
  it('is its body, when it says so or nothing', () => {
    for (const type of [undefined, 'application/sdp', ' Application/SDP ; charset=utf-8']) {
      assert.equal(sdpOf(message(SDP, type)), SDP, type);
      assert.equal(hasOtherBody(message(SDP, type)), false);
    }
    for (const body of [undefined, '']) {
      assert.deepEqual([bodyOf(message(body)), sdpOf(message(body)), hasOtherBody(message(body))], [null, null, false]);
    }
  });

  it('is none in a body of another kind, which is refused unless it may be left out', () => {
    for (const type of ['application/isup', 'text/plain', 'application/sdpx', 'multipart/mixed']) {
      assert.equal(sdpOf(message(SDP, type)), null, type);
      assert.equal(hasOtherBody(message(SDP, type)), true, type);
    }
    assert.equal(hasOtherBody(message('x', 'application/isup', 'signal; handling=optional')), false);
    assert.equal(bodyOf(message('x', 'text/plain')), 'x');
  });

  it('is one part of several, wherever it stands', () => {
    const isup = ['application/isup;version=itu-t92+', '\u0001\u0011\u0000'] as const;
    const sdp = ['application/sdp', SDP] as const;
    for (const boundary of [
      'boundary="gate--way"',
      'start=x; boundary=gate--way;charset=utf-8',
      'BOUNDARY = gate--way',
    ]) {
      for (const parts of [[isup, sdp], [sdp, isup], [sdp]]) {
        assert.equal(sdpOf(message(multipart(...parts), `multipart/mixed; ${boundary}`)), SDP);
      }
    }
    assert.equal(
      sdpOf(message(`preamble\r\n${multipart(isup, sdp)}epilogue`, 'multipart/mixed;boundary=gate--way')),
      SDP,
    );
    assert.equal(sdpOf(message(multipart(isup), 'multipart/mixed;boundary=gate--way')), null);
  });

  it('is looked for in any body under any type, and throws nothing', () => {
    const type = fc.oneof(
      fc.string(),
      fc.string().map((rest) => `multipart/mixed;boundary=${rest}`),
    );
    fc.assert(
      fc.property(fc.string(), type, (body, of) => {
        const sdp = sdpOf(message(body, of));
        assert.ok(sdp === null || body !== '');
        assert.equal(hasOtherBody(message(body, of)), body !== '' && sdp === null);
      }),
    );
  });

  it('is none in what is broken', () => {
    const type = 'multipart/mixed;boundary=gate--way';
    for (const body of ['--gate--way', '--gate--way\r\n\r\n', 'no boundary at all', '--gate--way\r\n'.repeat(5_000)]) {
      assert.equal(sdpOf(message(body, type)), null);
      assert.equal(hasOtherBody(message(body, type)), true);
    }
  });
});
