/**
 * Breaks things for real: processes are killed and frozen, their clocks are set, servers crash, their connections are
 * cut, and their answers come late; records are damaged, and channels misused. Prints what became of every task and
 * every turn, and ends with 1 if anything was lost.
 * `npm run chaos -- --rounds 50 --seed 7 --only crashed --play turns redis` narrows it down.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { ChatReport } from "./chat/judge.ts";
import { chatRound } from "./chat/round.ts";
import type { Report } from "./judge.ts";
import { killWorkers } from "./processes.ts";
import { round } from "./rounds.ts";
import { SITES, type Site } from "./sites.ts";
import type { Place } from "./stores.ts";
import { type Columns, headOf, type Judged, OF_TASKS, OF_TURNS, rowOf } from "./table.ts";
import type { Trouble } from "./troubles.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "5" },
    seed: { type: "string", default: `${Date.now() % 100_000}` },
    only: { type: "string", default: "" },
    play: { type: "string", default: "" },
  },
});
const rounds = Number(values.rounds);
const firstSeed = Number(values.seed);
const names = Object.keys(SITES).filter((name) => positionals.length === 0 || positionals.includes(name));
const journals = mkdtempSync(join(tmpdir(), "chaos-"));
const sites: Record<string, Site> = {};
let count = 0;
let isClean = true;
let isEnding = false;

type Round<R> = (place: Place, seed: number, trouble: Trouble, journal: string) => Promise<R>;

interface Play<R> {
  columns: Columns<R>;
  troublesOf: (site: Site) => Record<string, Trouble>;
  round: Round<R>;
}

const TASKS: Play<Report> = { columns: OF_TASKS, troublesOf: ({ troubles }) => troubles, round };
const TURNS: Play<ChatReport> = { columns: OF_TURNS, troublesOf: ({ toTurns }) => toTurns, round: chatRound };

/** One row for each trouble of each site, under one head. */
async function runAll<R extends Judged>({ columns, troublesOf, round }: Play<R>): Promise<void> {
  console.log(headOf(columns));
  const runSite = async ([name, site]: [string, Site]) => {
    for (const [what, trouble] of Object.entries(troublesOf(site))) {
      if (!what.includes(values.only)) continue;
      const row = rowOf(
        columns,
        name,
        what,
        await runRow(site, `${name}, ${what}`, trouble, round),
        firstSeed,
      );
      isClean &&= row.isClean;
      console.log(row.text);
    }
  };
  // Most of a round is waiting: the stores have theirs at the same time.
  await Promise.all(Object.entries(sites).map(runSite));
}

async function runRow<R>(site: Site, name: string, trouble: Trouble, run: Round<R>): Promise<R[]> {
  const reports: R[] = [];
  for (let n = 0; n < rounds * (trouble.share ?? 1); n += 1) {
    count += 1;
    const seed = firstSeed + n;
    const journal = join(journals, `${name}, ${seed}, ${count}.jsonl`);
    reports.push(await run(site.place(count), seed, trouble, journal));
  }
  return reports;
}

async function end(code: number): Promise<void> {
  if (isEnding) return;
  isEnding = true;
  killWorkers();
  await Promise.all(Object.values(sites).map((site) => site.close()));
  if (isClean) rmSync(journals, { recursive: true, force: true });
  else console.error(`\nWhat went on in each round: ${journals}`);
  process.exit(code);
}

// Whoever started this may pass a signal on that came here too.
process.on("SIGHUP", () => end(129));
process.on("SIGINT", () => end(130));
process.on("SIGTERM", () => end(143));
console.log(`${rounds} rounds each, seeds from ${firstSeed} on\n`);
try {
  for (const name of names) {
    const site = await SITES[name]?.();
    if (site !== undefined) sites[name] = site;
  }
  if (values.play !== "turns") await runAll(TASKS);
  console.log("");
  if (values.play !== "tasks") await runAll(TURNS);
} catch (error) {
  isClean = false;
  if (!isEnding) console.error(error);
}
await end(isClean ? 0 : 1);
