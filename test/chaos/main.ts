/**
 * Breaks things for real: processes are killed and frozen, their clocks are set, servers crash, their connections are
 * cut, and their answers come late; records are damaged, and channels misused. Prints what became of every task,
 * every turn and every reader, and ends with 1 if anything was lost.
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
import { type Storm, type StormReport, stormRound } from "./readers/round.ts";
import { round } from "./rounds.ts";
import { SITES, type Site } from "./sites.ts";
import type { Place } from "./stores.ts";
import { type Columns, headOf, type Judged, OF_READERS, OF_TASKS, OF_TURNS, rowOf } from "./table.ts";
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

type Round<R, T> = (place: Place, seed: number, trouble: T, journal: string) => Promise<R>;

interface Play<R, T> {
  columns: Columns<R>;
  troublesOf: (site: Site) => Record<string, T>;
  round: Round<R, T>;
}

const TASKS: Play<Report, Trouble> = { columns: OF_TASKS, troublesOf: ({ troubles }) => troubles, round };
const TURNS: Play<ChatReport, Trouble> = {
  columns: OF_TURNS,
  troublesOf: ({ toTurns }) => toTurns,
  round: chatRound,
};
const STREAMS: Play<StormReport, Storm> = {
  columns: OF_READERS,
  troublesOf: () => ({
    "readers cut": { kills: 0, share: 0.2 },
    "and servers killed": { kills: 3, share: 0.2 },
  }),
  round: stormRound,
};

/** How many of the rounds are enough. */
interface Share {
  share?: number;
}

/** One row for each trouble of each site, under one head. */
async function runAll<R extends Judged, T extends Share>(play: Play<R, T>): Promise<void> {
  const { columns, troublesOf, round } = play;
  console.log(headOf(columns));
  const runSite = async ([name, site]: [string, Site]) => {
    for (const [what, trouble] of Object.entries(troublesOf(site))) {
      if (!what.includes(values.only)) continue;
      const run = async () =>
        rowOf(columns, name, what, await runRow(site, `${name}, ${what}`, trouble, round), firstSeed);
      let row = await run();
      console.log(row.text);
      if (!row.isClean && row.isOfTime && process.env.CI) {
        console.log(`| ${name} | ${what} | once more, since others may have held the machine up: |`);
        row = await run();
        console.log(row.text);
      }
      isClean &&= row.isClean;
    }
  };
  // Most of a round is waiting: the stores have theirs at the same time.
  await Promise.all(Object.entries(sites).map(runSite));
}

async function runRow<R, T extends Share>(
  site: Site,
  name: string,
  trouble: T,
  run: Round<R, T>,
): Promise<R[]> {
  const reports: R[] = [];
  for (let n = 0; n < rounds * (trouble.share ?? 1); n += 1) {
    count += 1;
    const seed = firstSeed + n;
    const journal = join(journals, `${name}, ${seed}, ${count}.jsonl`);
    reports.push(await run(site.place(count), seed, trouble, journal));
  }
  return reports;
}

function isPlayed(play: string): boolean {
  return values.play === "" || values.play === play;
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
  if (isPlayed("tasks")) await runAll(TASKS);
  console.log("");
  if (isPlayed("turns")) await runAll(TURNS);
  console.log("");
  if (isPlayed("streams")) await runAll(STREAMS);
} catch (error) {
  isClean = false;
  if (!isEnding) console.error(error);
}
await end(isClean ? 0 : 1);
