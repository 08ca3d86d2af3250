import { nanoseconds, type Row, type Work } from "../side-by-side.ts";

/** Nanoseconds of single turns. */
interface Spread {
  median: number;
  /** How far apart the middle half of them lies: what turns vary by of themselves. */
  noise: number;
}

const WARM_UP = 50;

/** Single turns of each kind, taken in turns, each kind as often the first as any other. */
export async function turnsSideBySide<Name extends string>(
  works: Record<Name, Work>,
  turns: number,
): Promise<Record<Name, Spread>> {
  const names = Object.keys(works) as Name[];
  const taken = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let turn = 0; turn < WARM_UP + turns; turn += 1) {
    for (let i = 0; i < names.length; i += 1) {
      const name = names[(turn + i) % names.length] as Name;
      const ns = await timed(works[name]);
      if (turn >= WARM_UP) taken[name].push(ns);
    }
  }
  return Object.fromEntries(names.map((name) => [name, spreadOf(taken[name])])) as Record<Name, Spread>;
}

/** What a turn costs more than without us; the ratio is that to what such turns vary by of themselves. */
export function addedRow(name: string, turn: Spread, bare: Spread, limit = 1): Row {
  const added = turn.median - bare.median;
  const sign = added < 0 ? "-" : "+";
  return {
    name,
    detail: `${sign}${nanoseconds(Math.abs(added))} on ${nanoseconds(bare.median)}, which vary by ${nanoseconds(bare.noise)}`,
    ratio: added / bare.noise,
    limit,
  };
}

async function timed(work: Work): Promise<number> {
  const start = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - start);
}

function spreadOf(taken: number[]): Spread {
  const sorted = [...taken].sort((one, other) => one - other);
  const at = (part: number) => sorted[Math.floor(sorted.length * part)] ?? Number.NaN;
  return { median: at(0.5), noise: at(0.75) - at(0.25) };
}
