import assert from 'node:assert/strict';
import type { Logger } from '../lib/logger.js';
import { MediaNotes } from './media-notes.js';

describe('MediaNotes', () => {
  const lines: { readonly level: string; readonly message: string; readonly fields: object }[] = [];
  const at = (level: string) => (fields: object, message: string) => lines.push({ level, message, fields });
  const log = { warn: at('warn'), info: at('info'), debug: at('debug') } as unknown as Logger;

  beforeEach(() => {
    lines.length = 0;
  });

  it('tells one-way media from none, and that a side is heard again', () => {
    const notes = new MediaNotes(log);
    notes.note({ type: 'silent', side: 'callee', silentMs: 5_000 });
    notes.note({ type: 'heard', side: 'callee' });
    notes.note({ type: 'silent', side: 'caller', silentMs: 5_000 });
    notes.note({ type: 'silent', side: 'callee', silentMs: 5_100 });
    assert.deepEqual(
      lines.map(({ message }) => message),
      ['one-way media', 'media again', 'one-way media', 'no media'],
    );
    assert.deepEqual(lines[3]?.fields, { side: 'callee', silentMs: 5_100 });
  });

  it('never writes which digit was dialled', () => {
    const notes = new MediaNotes(log);
    notes.note({ type: 'dtmf', side: 'caller', event: '7', durationMs: 80, by: 'rfc4733' });
    assert.deepEqual(lines, [{ level: 'debug', message: 'digit', fields: { side: 'caller', durationMs: 80 } }]);
  });
});
