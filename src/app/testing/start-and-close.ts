// A process that starts the application with each config file that it is given, closes it, and then has to end by itself:
// whatever a start or a close leaves behind would keep it alive. One line of JSON for each start.
import { startApp } from '../../app.js';
import { loadConfig } from '../../config/load-config.js';
import { SimtrunkError } from '../../lib/errors.js';

for (const file of process.argv.slice(2)) {
  try {
    const app = await startApp(await loadConfig(file, { env: {} }));
    process.stdout.write(`${JSON.stringify({ started: app.listeners.length })}\n`);
    await app.close();
  } catch (error) {
    if (!(error instanceof SimtrunkError)) throw error;
    process.stdout.write(`${JSON.stringify({ code: error.code, message: error.message })}\n`);
  }
}
