// A received SIP message as plain text, read by nothing that the server is made of.

export class RawMessage {
  readonly text: string;
  readonly startLine: string;
  readonly body: string;
  readonly #lines: readonly string[];

  constructor(text: string) {
    this.text = text;
    const end = text.indexOf('\r\n\r\n');
    const lines = (end === -1 ? text : text.slice(0, end)).split('\r\n');
    this.startLine = lines[0] ?? '';
    this.#lines = lines.slice(1);
    this.body = end === -1 ? '' : text.slice(end + 4);
  }

  /** 0 in a request. */
  get status(): number {
    return Number(/^SIP\/2\.0 (\d{3})/.exec(this.startLine)?.[1] ?? 0);
  }

  /** Empty in a response. */
  get method(): string {
    return this.status === 0 ? (this.startLine.split(' ')[0] ?? '') : '';
  }

  get uri(): string {
    return this.startLine.split(' ')[1] ?? '';
  }

  headers(name: string): string[] {
    const prefix = `${name.toLowerCase()}:`;
    return this.#lines
      .filter((line) => line.toLowerCase().startsWith(prefix))
      .map((line) => line.slice(prefix.length).trim());
  }

  header(name: string): string {
    return this.headers(name)[0] ?? '';
  }

  get cseqMethod(): string {
    return this.header('CSeq').split(' ')[1] ?? '';
  }

  get cseqNumber(): number {
    return Number(this.header('CSeq').split(' ')[0]);
  }

  get toTag(): string | undefined {
    return /;tag=([^;>\s]+)/.exec(this.header('To'))?.[1];
  }

  get branch(): string {
    return /;branch=([^;,\s]+)/.exec(this.header('Via'))?.[1] ?? '';
  }
}
