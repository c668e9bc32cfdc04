// Compiles the optional native part with the machine's C compiler, to dist/native or to the file that is named. Nothing needs
// it, and no installation runs this.
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { install, root, run } from './build.mjs';

install();
const { include_dir: headers } = createRequire(join(root, 'package.json'))('node-api-headers');
const built = process.argv[2] ?? join(root, 'dist', 'native', 'media-sockets.node');
mkdirSync(dirname(built), { recursive: true });
const options = ['-std=c11', '-O2', '-Wall', '-Wextra', '-shared', '-fPIC', '-DNAPI_VERSION=8', `-I${headers}`];
run(process.env.CC ?? 'cc', [...options, join(root, 'native', 'media-sockets.c'), '-o', built]);
process.stderr.write(`Compiled ${built}\n`);
