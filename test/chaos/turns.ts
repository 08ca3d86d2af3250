import { type Line, type LineOf, linesWith } from "./journal.ts";
import { isBrokenOff, type Pause, pauseIn } from "./pauses.ts";

/** Milliseconds a turn is waited for before its call is offloaded. */
export const TIMEOUT_MS = 50;
/** A call that took so long should have been offloaded. */
const SLOW_MS = 2 * TIMEOUT_MS;
/** A turn that ends so long after its tool has waited for something else. */
const LATE_MS = 1_000;

/** What became of the turns. */
export interface TurnReport {
  taken: number;
  /** Whose slow call stayed in the foreground, and gave its value there. */
  kept: number;
  /** Which rejected, gave a wrong value, came late, or never ended. */
  failed: number;
  /** The calls that ended in the foreground. */
  answered: ReadonlySet<string>;
  /** The calls for which the placeholder was given. */
  promised: ReadonlySet<string>;
}

interface Turn {
  pid: number;
  call: string;
  tool: { from: number; to: number } | undefined;
  end: LineOf<"turn.ended"> | undefined;
}

export function turnsIn(lines: readonly Line[], pauses: readonly Pause[]): TurnReport {
  const turns = readTurns(lines);
  const callsWith = (outcome: LineOf<"turn.ended">["outcome"]) =>
    new Set(turns.filter(({ end }) => end?.outcome === outcome).map(({ call }) => call));
  return {
    taken: turns.length,
    kept: turns.filter(isKept).length,
    failed: turns.filter((turn) => hasFailed(turn, pauses)).length,
    answered: callsWith("answered"),
    promised: callsWith("offloaded"),
  };
}

function readTurns(lines: readonly Line[]): Turn[] {
  const byCall = <Named extends { call: string }>(some: readonly Named[]) =>
    new Map(some.map((line) => [line.call, line]));
  const began = byCall(linesWith(lines, "tool.begun"));
  const ended = byCall(linesWith(lines, "tool.ended"));
  const ends = byCall(linesWith(lines, "turn.ended"));
  return linesWith(lines, "turn.begun").map(({ pid, call }) => {
    const [from, to] = [began.get(call)?.at, ended.get(call)?.at];
    const tool = from === undefined || to === undefined ? undefined : { from, to };
    return { pid, call, tool, end: ends.get(call) };
  });
}

function isKept({ tool, end }: Turn): boolean {
  return end?.outcome === "answered" && tool !== undefined && tool.to - tool.from > SLOW_MS;
}

function hasFailed({ pid, tool, end }: Turn, pauses: readonly Pause[]): boolean {
  if (end === undefined) return !isBrokenOff(pid, pauses);
  if (end.outcome === "failed") return true;
  const wait = { pid, from: tool?.to ?? end.at, to: end.at };
  return wait.to - wait.from > LATE_MS && pauseIn(pauses, wait) === undefined;
}
