import type { Report } from "./judge.ts";

/** What the columns after the first two say of all rounds together. */
const COLUMNS: Record<string, (reports: readonly Report[]) => number | string> = {
  rounds: (reports) => reports.length,
  tasks: (reports) => sum(reports, ({ tasks }) => tasks),
  turns: (reports) => sum(reports, ({ turns }) => turns),
  "kept in the foreground": (reports) => sum(reports, ({ kept }) => kept),
  "lost with their process": (reports) => sum(reports, ({ lost }) => lost),
  "told twice": (reports) => sum(reports, ({ redelivered }) => redelivered),
  damaged: (reports) => sum(reports, ({ damaged }) => damaged),
  "tools, deliveries when hit": leastLoad,
};

const TITLES = ["store", "what happened", ...Object.keys(COLUMNS), "faults"];
const RULES = TITLES.map((title) => (title in COLUMNS ? "---:" : "---"));

export const HEAD = [TITLES, RULES].map(lineOf).join("\n");

export function rowOf(store: string, what: string, reports: readonly Report[], firstSeed: number) {
  const faults = reports.flatMap((report, n) =>
    Object.entries(report.faults)
      .filter(([, times]) => times > 0)
      .map(([fault, times]) => `${times} ${fault} (seed ${firstSeed + n})`),
  );
  const numbers = Object.values(COLUMNS).map((column) => column(reports));
  const text = lineOf([store, what, ...numbers, faults.join(", ") || "none"]);
  return { text, isClean: faults.length === 0 };
}

function lineOf(cells: readonly (number | string)[]): string {
  return `| ${cells.join(" | ")} |`;
}

function sum(reports: readonly Report[], number: (report: Report) => number): number {
  return reports.reduce((all, report) => all + number(report), 0);
}

/** The least of each. */
function leastLoad(reports: readonly Report[]): string {
  const loads = reports.flatMap(({ loads }) => loads);
  if (loads.length === 0) return "–";
  const least = (number: "tools" | "deliveries") => Math.min(...loads.map((load) => load[number]));
  return `${least("tools")}, ${least("deliveries")}`;
}
