// Network namespaces for tests: a router's, and one for each member, a child process that is asked over IPC what to do there.
// Needs unprivileged user namespaces or root, and nothing of the host's network is touched. All ends with `close`, or with us.
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

/** What a member is asked, and what it says. Values cross as structured clones: bytes stay bytes. */
interface Question {
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
}
interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** The outer bridge's network; members are numbered in it. */
const OUTSIDE = '192.0.2';

/** Why this machine has no network namespaces, or null when it has. */
export function whyNoNetworkLab(): string | null {
  const works = (script: string): boolean => spawnSync('unshare', ['-Urn', 'sh', '-ec', script]).status === 0;
  if (!works('ip link')) return 'network namespaces (unshare -Urn, ip) are not to be had';
  if (!works('ip link add outside type bridge; ip link add one type veth peer name other'))
    return 'there are no bridges';
  const nat = 'add chain ip lab out { type nat hook postrouting priority 100; }; add rule ip lab out masquerade';
  if (!works(`nft 'add table ip lab; ${nat}'`)) return 'there is no nft, or it cannot translate addresses';
  return null;
}

/** A process in a network namespace of its own, behind one link. */
export class LabMember {
  readonly #child: ChildProcess;
  readonly #enter: (command: readonly string[], input?: string) => string;
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  #nextId = 1;

  constructor(child: ChildProcess, enter: (command: readonly string[], input?: string) => string) {
    this.#child = child;
    this.#enter = enter;
    child.on('message', (answer: Answer) => {
      const waiting = this.#waiting.get(answer.id);
      this.#waiting.delete(answer.id);
      if (answer.error === undefined) waiting?.resolve(answer.value);
      else waiting?.reject(new Error(answer.error));
    });
    child.on('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the member of the network lab has ended'));
      this.#waiting.clear();
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Calls a method of the member's program. */
  ask<T>(method: string, ...args: readonly unknown[]): Promise<T> {
    const id = this.#nextId++;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#child.send({ id, method, args } satisfies Question);
    });
  }

  /** Runs a command in the member's network namespace. */
  run(...command: string[]): string {
    return this.#enter(command);
  }

  /** The same, with something on its standard input. */
  feed(input: string, ...command: string[]): string {
    return this.#enter(command, input);
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.disconnect();
    await exited;
  }
}

export class NetworkLab {
  /** Holds the router's namespace; it is `cat`, which ends with its standard input. */
  readonly #router: ChildProcess;
  readonly #members: LabMember[] = [];
  #nextLink = 1;

  private constructor(router: ChildProcess) {
    this.#router = router;
  }

  /** A router with the network 192.0.2.0/24 (and 2001:db8::/64) outside, where it is .254, and nothing in it. */
  static async open(): Promise<NetworkLab> {
    const router = spawn('unshare', ['-Urn', 'cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
    router.stdin?.write('ready\n');
    if (router.stdout !== null) await once(router.stdout, 'data');
    const lab = new NetworkLab(router);
    lab.run('ip', 'link', 'set', 'lo', 'up');
    lab.run('ip', 'link', 'add', 'outside', 'type', 'bridge');
    lab.run('ip', 'addr', 'add', `${OUTSIDE}.254/24`, 'dev', 'outside');
    lab.run('ip', 'link', 'set', 'outside', 'up');
    lab.run('sysctl', '-qw', 'net.ipv4.ip_forward=1');
    return lab;
  }

  /** Runs a command in the router's namespace. */
  run(...command: string[]): string {
    return this.#enter(this.#router.pid ?? 0, command);
  }

  /** A member on the outer network at these addresses: IPv4 192.0.2.x, IPv6 2001:db8::x. */
  async outside(program: URL, ...addresses: readonly string[]): Promise<LabMember> {
    const member = await this.#member(program);
    const link = this.#join(member);
    this.run('ip', 'link', 'set', link, 'master', 'outside');
    for (const address of addresses) this.#address(member, address, address.includes(':') ? 64 : 24);
    return member;
  }

  /** A member on a private network 10.9.n.0/24 of its own, whose UDP the router masquerades with its ports 30000 to 30100. */
  async behindNat(program: URL, ...addresses: readonly string[]): Promise<LabMember> {
    const member = await this.#member(program);
    const link = this.#join(member);
    const gateway = `${addresses[0]?.split('.').slice(0, 3).join('.')}.1`;
    this.run('ip', 'addr', 'add', `${gateway}/24`, 'dev', link);
    for (const address of addresses) this.#address(member, address, 24);
    member.run('ip', 'route', 'add', 'default', 'via', gateway);
    this.#masquerade();
    return member;
  }

  /** Idempotent. */
  async close(): Promise<void> {
    for (const member of this.#members.splice(0)) await member.close();
    if (this.#router.exitCode !== null) return;
    const exited = once(this.#router, 'exit');
    this.#router.stdin?.end();
    await exited;
  }

  async #member(program: URL): Promise<LabMember> {
    const holder = this.#router.pid ?? 0;
    const enter = ['-t', String(holder), '-U', '--preserve-credentials'];
    const child = spawn('nsenter', [...enter, 'unshare', '-n', process.execPath, program.pathname], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      serialization: 'advanced',
    });
    const member = new LabMember(child, (command, input) => this.#enter(child.pid ?? 0, command, input));
    this.#members.push(member);
    // Whoever answers is in its namespace already.
    await member.ask('ready');
    member.run('ip', 'link', 'set', 'lo', 'up');
    return member;
  }

  /** A link from the router to the member; returns the router's end of it. */
  #join(member: LabMember): string {
    const link = `member${this.#nextLink++}`;
    this.run('ip', 'link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(member.pid));
    this.run('ip', 'link', 'set', link, 'up');
    member.run('ip', 'link', 'set', 'eth0', 'up');
    return link;
  }

  #address(member: LabMember, address: string, bits: number): void {
    // No duplicate address detection: the address is usable at once.
    const more = address.includes(':') ? ['nodad'] : [];
    member.run('ip', 'addr', 'add', `${address}/${bits}`, 'dev', 'eth0', ...more);
  }

  #masquerade(): void {
    const rules = [
      'add table ip lab',
      'delete table ip lab',
      'add table ip lab',
      'add chain ip lab out { type nat hook postrouting priority 100; }',
      'add rule ip lab out ip saddr 10.9.0.0/16 oifname "outside" meta l4proto udp masquerade to :30000-30100',
    ];
    this.run('nft', rules.join('; '));
  }

  #enter(pid: number, command: readonly string[], input = ''): string {
    const into = ['-t', String(pid), '-U', '--preserve-credentials', '-n'];
    return execFileSync('nsenter', [...into, ...command], {
      encoding: 'utf8',
      input,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
  }
}

/** The member's end: answers what it is asked with these methods, until its parent goes away. */
export function answerAsMember(methods: Readonly<Record<string, (...args: never[]) => unknown>>): void {
  process.on('message', (question: Question) => {
    const method = question.method === 'ready' ? () => null : methods[question.method];
    const answer = async (): Promise<unknown> => method?.(...(question.args as never[]));
    answer().then(
      (value) => process.send?.({ id: question.id, value } satisfies Answer),
      (error: unknown) => process.send?.({ id: question.id, error: String(error) } satisfies Answer),
    );
  });
  process.once('disconnect', () => process.exit());
}
