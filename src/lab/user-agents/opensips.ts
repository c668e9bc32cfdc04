// OpenSIPS (4; Debian 12 has none) as the proxy between a PBX and its trunk: stateful, and in the route of each dialog unless its script
// hides the topology.
import { existsSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beginWith, type Program, startProgram } from './program.js';

export interface OpensipsOrder {
  /** An empty folder. */
  readonly folder: string;
  /** Listens there, UDP and TCP. */
  readonly address: string;
  readonly port: number;
  /** Lines of its script that say where a new request goes, by `$du`; it is relayed after them. */
  readonly forward: string;
  /** Modules beside those of every proxy, and their parameters. */
  readonly modules?: string;
  /** Further routes. */
  readonly routes?: string;
  /** It shows neither side the other (its module `topology_hiding`) in place of staying in the route. */
  readonly hidesTopology?: boolean;
  /** Tables of its text database, by name: what `load_balancer` and the like read, from `text://FOLDER`. */
  readonly tables?: Readonly<Record<string, string>>;
}

const MODULES = ['proto_udp', 'proto_tcp', 'signaling', 'sl', 'tm', 'rr', 'maxfwd', 'sipmsgops'];
/** Where builds and packages put them, from where the program itself is; it does not look there by itself. */
const MODULE_FOLDERS = ['lib64/opensips/modules', 'lib/opensips/modules', 'lib/x86_64-linux-gnu/opensips/modules'];
const READY = 'ready to route';

/** Resolves when it listens. It prints each message that it gets: `BYE from 192.0.2.1 over tcp`, `200 to BYE from …`. */
export async function startOpensips(order: OpensipsOrder): Promise<Program> {
  const { folder, address, port } = order;
  const file = join(folder, 'opensips.cfg');
  const modules = order.hidesTopology ? [...MODULES, 'dialog', 'topology_hiding'] : MODULES;
  const stays = order.hidesTopology ? '{ create_dialog(); topology_hiding("C"); }' : 'record_route();';
  const inDialog = order.hidesTopology ? 'topology_hiding_match() || loose_route()' : 'loose_route()';
  const script = `log_level=3
stderror_enabled=yes
syslog_enabled=no
udp_workers=1
tcp_workers=1
auto_aliases=no
server_header="Server: proxy-under-test"
socket=udp:${address}:${port}
socket=tcp:${address}:${port}
mpath="${moduleFolder()}/"
${modules.map((name) => `loadmodule "${name}.so"`).join('\n')}
${(order.modules ?? '').replaceAll('FOLDER', folder)}
startup_route {
  xlog("L_ERR", "${READY}\\n");
}
route {
  xlog("L_ERR", "$rm from $si over $socket_in(proto)\\n");
  if (!mf_process_maxfwd_header(10)) {
    send_reply(483, "Too Many Hops");
    exit;
  }
  if (has_totag()) {
    if (is_method("ACK") && t_check_trans()) {
      t_relay();
      exit;
    }
    if (${inDialog}) t_relay();
    else if (!is_method("ACK")) send_reply(404, "Not Here");
    exit;
  }
  if (is_method("CANCEL")) {
    if (t_check_trans()) t_relay();
    exit;
  }
  t_check_trans();
  if (is_method("INVITE")) ${stays}
  t_on_reply("NOTED");
  ${order.forward}
  if (!t_relay()) send_reply(500, "Not Relayed");
}
onreply_route[NOTED] {
  xlog("L_ERR", "$rs to $rm from $si over $socket_in(proto)\\n");
}
${order.routes ?? ''}
`;
  writeFileSync(file, script);
  for (const [name, text] of Object.entries(order.tables ?? {})) writeFileSync(join(folder, name), text);
  const args = ['-F', '-m', '64', '-M', '4', '-w', folder, '-P', join(folder, 'pid'), '-f', file];
  const program = startProgram('opensips', args, folder, (child) => child.kill('SIGTERM'));
  await beginWith(program, () => program.printed(new RegExp(READY)));
  return program;
}

function moduleFolder(): string {
  const folders = (process.env.PATH ?? '').split(':').filter((folder) => existsSync(join(folder, 'opensips')));
  const roots = folders.map((folder) => dirname(dirname(realpathSync(join(folder, 'opensips')))));
  const places = roots.flatMap((root) => MODULE_FOLDERS.map((folder) => join(root, folder)));
  return places.find((place) => existsSync(place)) ?? '/usr/lib/opensips/modules';
}
