/** One line of the table: what was measured, against what, and how far it may go. */
export interface Row {
  name: string;
  detail: string;
  ratio: number;
  /** The ratio must stay at or below this, or, for `atLeast`, reach it. */
  limit: number;
  atLeast?: boolean;
}

export type Work = () => Promise<unknown>;

/**
 * Nanoseconds of each piece of work, per repetition: the best of several rounds, taken in turns, so that a
 * noisy moment of the machine meets them all.
 */
export async function sideBySide<Name extends string>(
  works: Record<Name, Work>,
  { rounds, repeat }: { rounds: number; repeat: number },
): Promise<Record<Name, number>> {
  const names = Object.keys(works) as Name[];
  const best = Object.fromEntries(names.map((name) => [name, Number.POSITIVE_INFINITY])) as Record<
    Name,
    number
  >;
  for (let round = 0; round < rounds; round += 1) {
    for (const name of names) best[name] = Math.min(best[name], await timed(works[name], repeat));
  }
  return best;
}

async function timed(work: Work, repeat: number): Promise<number> {
  const start = process.hrtime.bigint();
  for (let i = 0; i < repeat; i += 1) await work();
  return Number(process.hrtime.bigint() - start) / repeat;
}

export function nanoseconds(value: number): string {
  return value < 10_000 ? `${value.toFixed(0)} ns` : `${(value / 1_000).toFixed(1)} µs`;
}
