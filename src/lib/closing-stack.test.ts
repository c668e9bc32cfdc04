import assert from 'node:assert/strict';
import { ClosingStack } from './closing-stack.js';

describe('ClosingStack', () => {
  it('closes the last part first, each once, and goes on after one that fails', async () => {
    const told: string[] = [];
    const stack = new ClosingStack((_error, name) => told.push(`${name} failed`));
    stack.add('journal', { close: () => void told.push('journal') });
    stack.defer('relay', () => Promise.reject(new Error('gone')));
    stack.add('server', {
      close: async () => {
        await new Promise((resolve) => setImmediate(resolve));
        told.push('server');
      },
    });
    await Promise.all([stack.close(), stack.close()]);
    assert.deepEqual(told, ['server', 'relay failed', 'journal']);
  });
});
