import type { ChatReport } from "./chat/judge.ts";
import type { Report } from "./judge.ts";
import type { Load } from "./load.ts";
import type { StormReport } from "./readers/round.ts";

/** What the columns after the first two say of all rounds together. */
export type Columns<R> = Record<string, (reports: readonly R[]) => number | string>;

/** Tasks, and those who wait for them. */
export const OF_TASKS: Columns<Report> = {
  rounds: (reports) => reports.length,
  tasks: (reports) => sum(reports, ({ tasks }) => tasks),
  turns: (reports) => sum(reports, ({ turns }) => turns),
  "kept in the foreground": (reports) => sum(reports, ({ kept }) => kept),
  "lost with their process": (reports) => sum(reports, ({ lost }) => lost),
  "told twice": (reports) => sum(reports, ({ redelivered }) => redelivered),
  damaged: (reports) => sum(reports, ({ damaged }) => damaged),
  "tools, deliveries when hit": leastLoad,
};

/** Turns that several processes take in the same sessions. */
export const OF_TURNS: Columns<ChatReport> = {
  rounds: (reports) => reports.length,
  tasks: (reports) => sum(reports, ({ tasks }) => tasks),
  turns: (reports) => sum(reports, ({ turns }) => turns),
  automatic: (reports) => sum(reports, ({ automatic }) => automatic),
  "longest wait, ms": (reports) => Math.max(...reports.map(({ waitedMs }) => waitedMs)),
  "refused by the fence": (reports) => sum(reports, ({ fenced }) => fenced),
  "handed over again": (reports) => sum(reports, ({ again }) => again),
  "tools, turns when hit": leastLoad,
};

/** Readers of streams, whose connections are cut at random bytes. */
export const OF_READERS: Columns<StormReport> = {
  rounds: (reports) => reports.length,
  readers: (reports) => sum(reports, ({ readers }) => readers),
  cuts: (reports) => sum(reports, ({ cuts }) => cuts),
  events: (reports) => sum(reports, ({ events }) => events),
  "servers killed": (reports) => sum(reports, ({ kills }) => kills),
};

/** What a row is made of. */
export interface Judged {
  loads: readonly Load[];
  faults: object;
}

export function headOf<R>(columns: Columns<R>): string {
  const titles = ["store", "what happened", ...Object.keys(columns), "faults"];
  const rules = titles.map((title) => (title in columns ? "---:" : "---"));
  return [titles, rules].map(lineOf).join("\n");
}

export function rowOf<R extends Judged>(
  columns: Columns<R>,
  store: string,
  what: string,
  reports: readonly R[],
  firstSeed: number,
) {
  const found = reports.flatMap(({ faults }, n) =>
    Object.entries(faults).map(([fault, times]) => ({ fault, times, seed: firstSeed + n })),
  );
  const faults = found.filter(({ times }) => times > 0);
  const told = faults.map(({ fault, times, seed }) => `${times} ${fault} (seed ${seed})`);
  const numbers = Object.values(columns).map((column) => column(reports));
  return {
    text: lineOf([store, what, ...numbers, told.join(", ") || "none"]),
    isClean: faults.length === 0,
    isOfTime: faults.every(({ fault }) => OF_TIME.includes(fault)),
  };
}

/**
 * What a machine can do that holds processes up, and no fault of theirs: leases lapse, users wait, what is waited for does
 * not come in time. Whatever else is found, such as what is lost, told twice or out of order, no machine can do.
 */
const OF_TIME = ["givenUp", "refused", "idle", "overtaken", "idleHits", "shutOut", "cutShort"];

function lineOf(cells: readonly (number | string)[]): string {
  return `| ${cells.join(" | ")} |`;
}

function sum<R>(reports: readonly R[], number: (report: R) => number): number {
  return reports.reduce((all, report) => all + number(report), 0);
}

/** The least of each. */
function leastLoad(reports: readonly Judged[]): string {
  const loads = reports.flatMap(({ loads }) => loads);
  if (loads.length === 0) return "–";
  const least = (number: "tools" | "deliveries") => Math.min(...loads.map((load) => load[number]));
  return `${least("tools")}, ${least("deliveries")}`;
}
