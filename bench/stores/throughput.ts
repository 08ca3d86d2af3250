import { type Row, sideBySide, type Work } from "../side-by-side.ts";

/** How often each of these does its work in a second, `lifecycles` times a round, the first against the others. */
export async function throughput(
  name: string,
  works: Record<string, Work>,
  terms: { lifecycles: number; rounds: number; bounds: Record<string, number> },
): Promise<Row[]> {
  const cost = await sideBySide(works, { rounds: terms.rounds, repeat: 1 });
  const rate = (work: string) => Math.round(terms.lifecycles / ((cost[work] ?? Number.NaN) / 1e9));
  const [ours = "", ...others] = Object.keys(works);
  return others.map((other) => ({
    name: `${name}: ${ours}, against ${other}`,
    detail: `${rate(ours)} a second against ${rate(other)}`,
    ratio: rate(ours) / rate(other),
    limit: terms.bounds[other] ?? Number.NaN,
    atLeast: true,
  }));
}
