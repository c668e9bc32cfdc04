// `simtrunk sip-tests NAME… | all | list | load`: the SIPp cases of sip-tests/ and the load test.
import { parseArgs } from 'node:util';
import { casesFolder, listCaseNames, loadCase } from '../lab/sip-tests/case-file.js';
import { runCases } from '../lab/sip-tests/run-cases.js';
import { findSipp, SIPP_MISSING } from '../lab/sip-tests/sipp.js';

const USAGE = `usage: simtrunk sip-tests NAME…            runs these cases
       simtrunk sip-tests all              runs every case
       simtrunk sip-tests list             prints the cases and what each shows
options: --jobs N   cases at once
         --keep     keeps the folder of a failed case (config, logs, traces, CDRs)
         --folder D cases of another folder`;

/** Resolves to the exit code: 0 when every case passed. */
export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      jobs: { type: 'string' },
      keep: { type: 'boolean', default: false },
      folder: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help || positionals.length === 0) {
    process.stderr.write(`${USAGE}\n`);
    return values.help ? 0 : 2;
  }
  const folder = values.folder ?? casesFolder();
  const known = listCaseNames(folder);
  if (positionals[0] === 'list') {
    for (const name of known) process.stdout.write(`${name}\n    ${loadCase(folder, name).shows}\n`);
    return 0;
  }
  const names = positionals.includes('all') ? known : positionals;
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    process.stderr.write(`no such case: ${unknown.join(', ')}\nknown: ${known.join(', ')}\n`);
    return 2;
  }
  const sipp = findSipp();
  if (sipp === undefined) {
    process.stderr.write(`${SIPP_MISSING}\n`);
    return 1;
  }
  const jobs = values.jobs === undefined ? undefined : Number(values.jobs);
  const failed = await runCases({
    folder,
    names,
    sipp,
    ...(jobs !== undefined && { jobs }),
    keep: values.keep,
    print: (line) => process.stdout.write(`${line}\n`),
  });
  return failed === 0 ? 0 : 1;
}
