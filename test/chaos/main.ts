/**
 * Breaks things for real: processes are killed and frozen, their clocks are set, servers crash, their connections are
 * cut, and their answers come late; records are damaged, and channels misused. Prints what became of every task and
 * every turn, and ends with 1 if anything was lost.
 * `npm run chaos -- --rounds 50 --seed 7 --only crashed redis` narrows it down.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Report } from "./judge.ts";
import { killWorkers } from "./processes.ts";
import { round } from "./rounds.ts";
import { SITES, type Site } from "./sites.ts";
import { HEAD, rowOf } from "./table.ts";
import type { Trouble } from "./troubles.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "5" },
    seed: { type: "string", default: `${Date.now() % 100_000}` },
    only: { type: "string", default: "" },
  },
});
const rounds = Number(values.rounds);
const firstSeed = Number(values.seed);
const names = Object.keys(SITES).filter((name) => positionals.length === 0 || positionals.includes(name));
const journals = mkdtempSync(join(tmpdir(), "chaos-"));
const sites: Site[] = [];
let count = 0;
let isClean = true;
let isEnding = false;

async function runAll(name: string): Promise<void> {
  const site = await SITES[name]?.();
  if (site === undefined) return;
  sites.push(site);
  for (const [what, trouble] of Object.entries(site.troubles)) {
    if (what.includes(values.only)) await runRow(name, what, site, trouble);
  }
}

async function runRow(name: string, what: string, site: Site, trouble: Trouble): Promise<void> {
  const reports: Report[] = [];
  for (let n = 0; n < rounds * (trouble.share ?? 1); n += 1) {
    count += 1;
    const seed = firstSeed + n;
    const journal = join(journals, `${name}, ${what}, ${seed}.jsonl`);
    reports.push(await round(site.place(count), seed, trouble, journal));
  }
  const row = rowOf(name, what, reports, firstSeed);
  isClean &&= row.isClean;
  console.log(row.text);
}

async function end(code: number): Promise<void> {
  if (isEnding) return;
  isEnding = true;
  killWorkers();
  await Promise.all(sites.map((site) => site.close()));
  if (isClean) rmSync(journals, { recursive: true, force: true });
  else console.error(`\nWhat went on in each round: ${journals}`);
  process.exit(code);
}

// Whoever started this may pass a signal on that came here too.
process.on("SIGHUP", () => end(129));
process.on("SIGINT", () => end(130));
process.on("SIGTERM", () => end(143));
console.log(`${rounds} rounds each, seeds from ${firstSeed} on\n`);
console.log(HEAD);
try {
  // Most of a round is waiting: the stores have theirs at the same time.
  await Promise.all(names.map(runAll));
} catch (error) {
  isClean = false;
  if (!isEnding) console.error(error);
}
await end(isClean ? 0 : 1);
