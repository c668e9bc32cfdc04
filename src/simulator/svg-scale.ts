// Where values stand in a plot: round steps for its axis, and positions rounded so that pages stay small.

export interface Axis {
  readonly most: number;
  readonly ticks: readonly number[];
}

/** From 0 to at least `most` in about `count` steps of 1, 2, 2.5 or 5 times a power of ten. */
export function axisTo(most: number, count = 4): Axis {
  if (!(most > 0)) return { most: 1, ticks: [0, 1] };
  const rough = most / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough * 0.999) ?? 10) * power;
  const steps = Math.ceil(most / step - 1e-9);
  return { most: steps * step, ticks: Array.from({ length: steps + 1 }, (_, index) => index * step) };
}

export function px(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** At most `count` of the indexes 0 to `length` - 1, evenly apart, the first included. */
export function someIndexes(length: number, count: number): number[] {
  const step = Math.max(1, Math.ceil(length / count));
  return Array.from({ length: Math.ceil(length / step) }, (_, index) => index * step);
}
