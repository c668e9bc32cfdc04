import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { answerForCaller, type CallerAnswer } from './caller-answer.js';
import { END_REASONS } from './end-reason.js';
import type { ResponseMeaning } from './response-meaning.js';

const DOCUMENT = new URL('../../docs/decisions/what-the-caller-gets.md', import.meta.url);
const MEANINGS: readonly ResponseMeaning[] = ['channel', 'gateway', 'callee', 'give-up'];
const STATUSES = Array.from({ length: 400 }, (_, index) => 300 + index);
const CAUSES = [null, ...Array.from({ length: 127 }, (_, index) => index + 1)];

/** Every pair that a gateway can send, with what it becomes. */
function everyAnswer(
  visit: (means: ResponseMeaning, status: number, cause: number | null, to: CallerAnswer) => void,
): void {
  for (const means of MEANINGS) {
    for (const status of STATUSES) {
      for (const cause of CAUSES) visit(means, status, cause, answerForCaller(means, status, cause));
    }
  }
}

/** Rows of the document's tables: their cells, by the paragraph that leads them in. */
function tableAfter(lead: string): string[][] {
  const text = readFileSync(DOCUMENT, 'utf8').slice(readFileSync(DOCUMENT, 'utf8').indexOf('## 2.'));
  const from = text.indexOf(lead);
  assert.ok(from >= 0, lead);
  const rows: string[][] = [];
  for (const line of text
    .slice(from + lead.length)
    .split('\n')
    .slice(1)) {
    if (line.startsWith('|'))
      rows.push(
        line
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.trim().replaceAll('`', '')),
      );
    else if (rows.length > 0) break;
  }
  return rows.slice(2);
}

function numbersIn(cell: string): number[] {
  return cell
    .split(', ')
    .map(Number)
    .filter((number) => !Number.isNaN(number));
}

function shown({ reason, answer }: CallerAnswer): string[] {
  return [String(answer.status), String(answer.q850), reason];
}

describe('what the caller gets', () => {
  it('is one status, one cause and one end reason for every response and cause', () => {
    everyAnswer((_means, _status, _cause, { reason, answer }) => {
      assert.ok(END_REASONS.includes(reason));
      assert.ok(answer.q850 !== null && answer.q850 >= 1 && answer.q850 <= 127);
    });
  });

  it('is never what would make a PBX dial a callee again who has answered for itself', () => {
    everyAnswer((means, status, cause, { answer }) => {
      if (means !== 'callee') return;
      assert.ok([404, 410, 480, 484, 486, 488, 600, 603, 604].includes(answer.status), `${status} ${cause}`);
      assert.ok([1, 2, 3, 16, 17, 18, 19, 20, 21, 22, 23, 26, 27, 28, 31, 88].includes(answer.q850 ?? 0));
    });
  });

  it('is 503 with cause 34 or 41 when channels failed, so that a PBX tries another trunk', () => {
    everyAnswer((means, status, _cause, to) => {
      if (means !== 'channel' && means !== 'gateway') return;
      const isBusy = [480, 486, 503, 600, 603].includes(status);
      assert.deepEqual(shown(to), isBusy ? ['503', '34', 'no-channel'] : ['503', '41', 'gateway-failure']);
    });
  });

  it('is never a redirection or a challenge, nor a callee’s word that no callee said', () => {
    everyAnswer((means, status, cause, { answer }) => {
      assert.ok(answer.status >= 400 && ![401, 402, 407, 408].includes(answer.status), `${means} ${status} ${cause}`);
      if (means === 'give-up') assert.ok([403, 488, 500, 501, 502, 503, 504].includes(answer.status));
    });
  });

  it('stands in the document: the channel’s and the gateway’s', () => {
    const rows = tableAfter('**`channel`, `gateway`**');
    for (const [statuses = '', ...told] of rows) {
      for (const status of statuses === 'any other' ? [404, 500, 408] : numbersIn(statuses))
        assert.deepEqual(shown(answerForCaller('channel', status, null)), told, String(status));
    }
    assert.equal(rows.length, 2);
  });

  it('stands in the document: the callee’s, by certain statuses, causes and other statuses', () => {
    const certain = tableAfter('by a status that is certain');
    const named = certain.flatMap(([statuses = '']) => numbersIn(statuses));
    assert.deepEqual(named, [410, 484, 486, 488, 600, 604, 606]);
    for (const status of STATUSES) {
      const row = certain.find(([statuses = '']) => numbersIn(statuses).includes(status));
      const [, ...told] = row ?? (status >= 600 ? (certain.at(-1) ?? []) : []);
      // A cause changes nothing of what is certain.
      for (const cause of told.length === 0 ? [] : CAUSES)
        assert.deepEqual(shown(answerForCaller('callee', status, cause)), told, `${status} ${cause}`);
    }
    const byCause = tableAfter('else by the cause, which is passed on');
    const general = tableAfter('else by a status that stands for many things');
    for (const cause of CAUSES) {
      for (const status of [404, 408, 480, 400, 500, 503]) {
        const row = cause === null ? undefined : byCause.find(([causes = '']) => numbersIn(causes).includes(cause));
        const [, ...byStatus] =
          general.find(([statuses = '']) => numbersIn(statuses).includes(status)) ?? general.at(-1) ?? [];
        const told = row === undefined ? byStatus : [row[1], String(cause), row[2]];
        assert.deepEqual(shown(answerForCaller('callee', status, cause)), told, `${status} ${cause}`);
      }
    }
  });

  it('stands in the document: what no other channel would do better', () => {
    const rows = tableAfter('**`give-up`**');
    for (const cause of CAUSES) {
      const row = cause === null ? undefined : rows.find(([causes = '']) => numbersIn(causes).includes(cause));
      const told = row === undefined ? ['503', '41', 'gateway-failure'] : [row[1], String(cause), row[2]];
      assert.deepEqual(shown(answerForCaller('give-up', 403, cause)), told, String(cause));
      assert.deepEqual(shown(answerForCaller('give-up', 606, cause)), ['488', '88', 'no-common-codec']);
    }
  });
});
