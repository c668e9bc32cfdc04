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
  /** The same, of members' own NATs. */
  readonly #boxes: ChildProcess[] = [];
  readonly #members: LabMember[] = [];
  #nextLink = 1;

  private constructor(router: ChildProcess) {
    this.#router = router;
  }

  /** A router with the network 192.0.2.0/24 (and 2001:db8::/64) outside, where it is .254, and nothing in it. */
  static async open(): Promise<NetworkLab> {
    const router = spawn('unshare', ['-Urn', 'cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
    await answered(router);
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
    const gateway = gatewayOf(addresses[0]);
    this.run('ip', 'addr', 'add', `${gateway}/24`, 'dev', link);
    for (const address of addresses) this.#address(member, address, 24);
    member.run('ip', 'route', 'add', 'default', 'via', gateway);
    this.run('nft', masquerading('outside'));
    return member;
  }

  /**
   * A member on a private network 10.9.n.0/24 behind a NAT of its own, which has this address on the outer network and
   * masquerades UDP with its ports 30000 to 30100.
   */
  async behindOwnNat(program: URL, outer: string, ...addresses: readonly string[]): Promise<LabMember> {
    const box = spawn('nsenter', [...this.#intoLab(), 'unshare', '-n', 'cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#boxes.push(box);
    await answered(box);
    const pid = box.pid ?? 0;
    const inBox = (...command: string[]) => this.#enter(pid, command);
    const link = this.#link(pid, 'wan');
    this.run('ip', 'link', 'set', link, 'master', 'outside');
    inBox('ip', 'addr', 'add', `${outer}/24`, 'dev', 'wan');
    const member = await this.#member(program);
    inBox('ip', 'link', 'add', 'inside', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(member.pid));
    inBox('ip', 'link', 'set', 'inside', 'up');
    member.run('ip', 'link', 'set', 'eth0', 'up');
    const gateway = gatewayOf(addresses[0]);
    inBox('ip', 'addr', 'add', `${gateway}/24`, 'dev', 'inside');
    for (const address of addresses) this.#address(member, address, 24);
    member.run('ip', 'route', 'add', 'default', 'via', gateway);
    inBox('sysctl', '-qw', 'net.ipv4.ip_forward=1');
    inBox('nft', masquerading('wan'));
    return member;
  }

  /** Idempotent. */
  async close(): Promise<void> {
    for (const member of this.#members.splice(0)) await member.close();
    for (const holder of [...this.#boxes.splice(0), this.#router]) await ended(holder);
  }

  async #member(program: URL): Promise<LabMember> {
    const child = spawn('nsenter', [...this.#intoLab(), 'unshare', '-n', process.execPath, program.pathname], {
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

  /** What has `nsenter` run a command as root of the lab, on the host's network still. */
  #intoLab(): string[] {
    return ['-t', String(this.#router.pid ?? 0), '-U', '--preserve-credentials'];
  }

  /** A link from the router to the member; returns the router's end of it. */
  #join(member: LabMember): string {
    return this.#link(member.pid, 'eth0');
  }

  #link(pid: number, name: string): string {
    const link = `member${this.#nextLink++}`;
    this.run('ip', 'link', 'add', link, 'type', 'veth', 'peer', 'name', name, 'netns', String(pid));
    this.run('ip', 'link', 'set', link, 'up');
    this.#enter(pid, ['ip', 'link', 'set', name, 'up']);
    return link;
  }

  #address(member: LabMember, address: string, bits: number): void {
    // No duplicate address detection: the address is usable at once.
    const more = address.includes(':') ? ['nodad'] : [];
    member.run('ip', 'addr', 'add', `${address}/${bits}`, 'dev', 'eth0', ...more);
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

function gatewayOf(address: string | undefined): string {
  return `${address?.split('.').slice(0, 3).join('.')}.1`;
}

/** Rules of nft that give UDP of the private networks the address of `link`, and ports from 30000 to 30100. */
function masquerading(link: string): string {
  return [
    'add table ip lab',
    'delete table ip lab',
    'add table ip lab',
    'add chain ip lab out { type nat hook postrouting priority 100; }',
    `add rule ip lab out ip saddr 10.9.0.0/16 oifname "${link}" meta l4proto udp masquerade to :30000-30100`,
  ].join('; ');
}

/** Resolves when a process that is `cat` runs. */
async function answered(cat: ChildProcess): Promise<void> {
  cat.stdin?.write('ready\n');
  if (cat.stdout !== null) await once(cat.stdout, 'data');
}

async function ended(cat: ChildProcess): Promise<void> {
  if (cat.exitCode !== null) return;
  const exited = once(cat, 'exit');
  cat.stdin?.end();
  await exited;
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
