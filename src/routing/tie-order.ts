// How ties are broken: by every channel's place in an order that a seed decides, so that a decision can be replayed.
// Nodes that share channels have different seeds, and so race less for the same ones.

/** A permutation of 0…count-1, always the same for a seed; seed 0 leaves them as they are. */
export function seededOrder(count: number, seed: number): number[] {
  const order = Array.from({ length: count }, (_, index) => index);
  if (seed === 0) return order;
  const next = generator(seed);
  for (let last = count - 1; last > 0; last--) {
    const pick = Math.floor(next() * (last + 1));
    const moved = order[last] as number;
    order[last] = order[pick] as number;
    order[pick] = moved;
  }
  return order;
}

/** Numbers from 0 (included) to 1 (excluded): mulberry32. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
