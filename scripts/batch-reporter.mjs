// Mocha's spec reporter for a part of the tests: what would be its summary goes as JSON to file descriptor 3 instead.
import { writeSync } from 'node:fs';
import { inspect } from 'node:util';
import Mocha from 'mocha';

const { Base, Spec } = Mocha.reporters;
const REPORT_DESCRIPTOR = 3;
/** A difference between larger values helps nobody. */
const SHOWN = { depth: 12, maxArrayLength: 500, maxStringLength: 10_000, sorted: true, breakLength: 80 };

export default class BatchReporter extends Spec {
  epilogue() {
    const { passes, pending } = this.stats;
    const failures = this.failures.map((test) => ({ titlePath: test.titlePath(), err: plainError(test.err) }));
    writeSync(REPORT_DESCRIPTOR, JSON.stringify({ passes, pending, failures }));
  }
}

/** What mocha's summary shows of an error. */
function plainError(error) {
  const { message, stack, uncaught, cause, multiple } = error;
  const showDiff = Base.showDiff(error);
  return {
    message,
    stack,
    uncaught,
    showDiff,
    ...(showDiff && { actual: shown(error.actual), expected: shown(error.expected) }),
    ...(cause instanceof Error && { cause: plainError(cause) }),
    ...(multiple !== undefined && { multiple: multiple.map(plainError) }),
  };
}

function shown(value) {
  return typeof value === 'string' ? value : inspect(value, SHOWN);
}
