// The process under test: the whole application through startApp, with counters and usage answered over IPC.
// Started by simtrunk-process.ts with the config file as its only argument.
import { type RunningApp, startApp } from '../../app.js';
import { loadConfig } from '../../config/load-config.js';
import type { ChildMessage, ChildRequest } from './simtrunk-process.js';

const send = (message: ChildMessage) => process.send?.(message);
const [configFile = ''] = process.argv.slice(2);

try {
  const app = await startApp(await loadConfig(configFile, { env: process.env }));
  process.on('message', (request: ChildRequest) => void answer(app, request));
  // The parent's end closes the channel: nothing may be left running.
  process.once('disconnect', () => void app.close());
  send({ kind: 'ready', listeners: app.listeners });
} catch (error) {
  send({ kind: 'failed', message: error instanceof Error ? error.message : String(error) });
  process.exitCode = 1;
  process.disconnect?.();
}

async function answer(app: RunningApp, request: ChildRequest): Promise<void> {
  switch (request.kind) {
    case 'counters':
      send({ kind: 'answer', value: await app.counters() });
      return;
    case 'usage': {
      const bySim = request.simIds.map((simId) => {
        const allowances = app.usageOf(simId)?.allowances ?? [];
        return [simId, Object.fromEntries(allowances.map(({ allowanceId, used }) => [allowanceId, used]))] as const;
      });
      send({ kind: 'answer', value: Object.fromEntries(bySim) });
      return;
    }
    case 'reload': {
      const reloaded = await app.reload({ dryRun: false });
      const value = reloaded.ok
        ? { outcome: reloaded.report.outcome, message: reloaded.report.changes.map(({ path }) => path).join(', ') }
        : { outcome: 'refused', message: reloaded.message };
      send({ kind: 'answer', value });
      return;
    }
    case 'drain':
      app.drain.begin({ deadlineSeconds: request.deadlineSeconds, stops: false });
      send({ kind: 'answer', value: null });
      return;
    case 'resume':
      app.drain.resume();
      send({ kind: 'answer', value: null });
      return;
    case 'stop':
      await app.close();
      process.disconnect?.();
  }
}
