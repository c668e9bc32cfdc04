// Kamailio (Debian's kamailio) as the proxy between a PBX and its trunk: stateful, stays in the route of each dialog.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beginWith, type Program, startProgram } from './program.js';

export interface KamailioOrder {
  /** An empty folder. */
  readonly folder: string;
  /** Listens there, UDP and TCP. */
  readonly address: string;
  readonly port: number;
  /** Lines of its script that say where a new request goes, by `$du`. */
  readonly forward: string;
}

const MODULES = ['tm', 'sl', 'rr', 'pv', 'maxfwd', 'textops', 'siputils', 'xlog'];
const READY = 'ready to route';

/** Resolves when it listens. It prints each message that it gets: `BYE from 192.0.2.1 over tcp`, `200 to BYE from …`. */
export async function startKamailio({ folder, address, port, forward }: KamailioOrder): Promise<Program> {
  const file = join(folder, 'kamailio.cfg');
  const script = `#!KAMAILIO
debug=1
log_stderror=yes
children=1
tcp_children=1
auto_aliases=no
server_header="Server: proxy-under-test"
listen=udp:${address}:${port}
listen=tcp:${address}:${port}
${MODULES.map((name) => `loadmodule "${name}.so"`).join('\n')}
event_route[core:worker-one-init] {
  xlog("L_NOTICE", "${READY}\\n");
}
request_route {
  xlog("L_NOTICE", "$rm from $si over $proto\\n");
  if (!mf_process_maxfwd_header("10")) {
    sl_send_reply("483", "Too Many Hops");
    exit;
  }
  if (is_method("CANCEL")) {
    if (t_check_trans()) t_relay();
    exit;
  }
  if (has_totag()) {
    if (loose_route()) t_relay();
    else if (is_method("ACK")) t_check_trans();
    else sl_send_reply("404", "Not Here");
    exit;
  }
  t_check_trans();
  record_route();
  t_on_reply("NOTED");
  ${forward}
  if (!t_relay()) sl_reply_error();
}
onreply_route[NOTED] {
  xlog("L_NOTICE", "$rs to $rm from $si over $proto\\n");
}
`;
  writeFileSync(file, script);
  const args = ['-DD', '-E', '-m', '16', '-M', '4', '-Y', folder, '-P', join(folder, 'pid'), '-f', file];
  const program = startProgram('kamailio', args, folder, (child) => child.kill('SIGTERM'));
  await beginWith(program, () => program.printed(new RegExp(READY)));
  return program;
}
