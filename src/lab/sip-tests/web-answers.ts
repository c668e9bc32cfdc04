// The web server of a gateway in a case: answers each path with the JSON that the case has for it, and counts who asks.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export class WebAnswers {
  readonly #server: Server;
  readonly #asked = new Map<string, number>();
  readonly #waiting: { readonly path: string; readonly times: number; resolve(): void }[] = [];

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(answers: Readonly<Record<string, unknown>>): Promise<WebAnswers> {
    const server = createServer();
    const web = new WebAnswers(server);
    server.on('request', (request, response) => {
      const [path = ''] = (request.url ?? '').split('?');
      web.#note(path);
      if (!Object.hasOwn(answers, path)) response.writeHead(404).end();
      else response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(answers[path]));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return web;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Resolves when a path has been asked for so often; rejects when that takes too long. */
  whenAsked(path: string, times: number, patienceMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`startsWhen: ${path} was asked for ${this.#asked.get(path) ?? 0} times, not ${times}`));
      }, patienceMs);
      const onAsked = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#waiting.push({ path, times, resolve: onAsked });
      this.#tell();
    });
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #note(path: string): void {
    this.#asked.set(path, (this.#asked.get(path) ?? 0) + 1);
    this.#tell();
  }

  #tell(): void {
    for (const { path, times, resolve } of this.#waiting) if ((this.#asked.get(path) ?? 0) >= times) resolve();
  }
}
