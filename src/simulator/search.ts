// The most and the least of something that a run can bear, found by running it. A guess saves runs; it decides nothing.

/** The highest whole number up to `limit` that `works`, when all lower ones do too; 0 when not even 1 does. */
export function mostThatWorks(limit: number, works: (value: number) => boolean, guess = 1): number {
  const from = Math.min(Math.max(guess, 1), limit);
  if (limit < 1) return 0;
  let good = 0;
  let bad = limit + 1;
  if (works(from)) {
    good = from;
    for (let step = 1; good + step < bad; step *= 2) {
      if (works(good + step)) good += step;
      else bad = good + step;
    }
  } else {
    bad = from;
    for (let step = 1; bad - step > good; step *= 2) {
      if (works(bad - step)) good = bad - step;
      else bad -= step;
    }
  }
  return between(good, bad, works);
}

/** The lowest whole number from 1 to `limit` that `works`, when all higher ones do too; undefined when none does. */
export function leastThatWorks(limit: number, works: (value: number) => boolean, guess = 1): number | undefined {
  const failing = mostThatWorks(limit, (value) => !works(value), guess - 1);
  return failing === limit ? undefined : failing + 1;
}

/** `good` works or is 0; `bad` does not or is beyond the limit. */
function between(good: number, bad: number, works: (value: number) => boolean): number {
  let low = good;
  let high = bad;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (works(middle)) low = middle;
    else high = middle;
  }
  return low;
}
