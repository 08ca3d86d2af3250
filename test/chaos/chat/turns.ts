import { type Line, type LineOf, linesWith } from "../journal.ts";
import type { Pause } from "../pauses.ts";
import { LEASE_MS } from "./sessions.ts";

/** A turn as its process has noted it. */
export interface ChatTurn extends Pause {
  session: string;
  number: number;
  by: LineOf<"chat.begun">["by"];
  waitedMs: number;
  /** `undefined`: its process was killed meanwhile. */
  outcome: LineOf<"chat.ended">["outcome"] | undefined;
}

/** That of a process that is killed ends with it. */
export function turnsOf(lines: readonly Line[], pauses: readonly Pause[]): ChatTurn[] {
  const nameOf = ({ pid, session, turn }: { pid: number; session: string; turn: number }) =>
    `${pid} ${session} ${turn}`;
  const ends = new Map(linesWith(lines, "chat.ended").map((line) => [nameOf(line), line]));
  const killedAt = new Map(pauses.filter(({ to }) => to === Infinity).map(({ pid, from }) => [pid, from]));
  return linesWith(lines, "chat.begun").map((line) => {
    const { pid, session, turn: number, by, waitedMs, at: from } = line;
    const end = ends.get(nameOf(line));
    const to = end?.at ?? killedAt.get(pid) ?? Infinity;
    return { pid, session, number, by, waitedMs, from, to, outcome: end?.outcome };
  });
}

/** Those that began while another one of their session ran. */
export function overlaps(turns: readonly ChatTurn[]): ChatTurn[] {
  return turns.filter((turn) =>
    sameSession(turns, turn).some((other) => turn.from >= other.from && turn.from < other.to),
  );
}

/** How many users waited for so long while nobody had the session, though all processes were at work. */
export function idleWhileWaited(turns: readonly ChatTurn[], pauses: readonly Pause[]): number {
  const spoken = turns.filter(({ by }) => by === "user");
  return spoken.filter((turn) => longestGap(turn, turns, pauses) > IDLE_MS).length;
}

/** A lease, and what a store may take on a busy machine. */
const IDLE_MS = 3 * LEASE_MS;

function longestGap(turn: ChatTurn, turns: readonly ChatTurn[], pauses: readonly Pause[]): number {
  const began = turn.from - turn.waitedMs;
  // What was held by a process that is gone is held until its lease is over.
  const busy = [
    ...sameSession(turns, turn),
    ...pauses.map(({ from, to }) => ({ from, to: Math.min(to, from + 2 * LEASE_MS) })),
  ]
    .filter(({ from, to }) => from < turn.from && to > began)
    .sort((one, other) => one.from - other.from);
  let [end, longest] = [began, 0];
  for (const { from, to } of busy) {
    longest = Math.max(longest, from - end);
    end = Math.max(end, to);
  }
  return Math.max(longest, turn.from - end);
}

/** How many users waited while another process had more turns there than theirs, and some that had begun before. */
export function overtaken(turns: readonly ChatTurn[], pauses: readonly Pause[]): number {
  return turns.filter((turn) => {
    // By then it is in line.
    const began = turn.from - turn.waitedMs + LEASE_MS;
    if (pauses.some(({ from, to }) => from < turn.from && to > began)) return false;
    const meanwhile = sameSession(turns, turn).filter(({ from }) => from > began && from < turn.from);
    const own = meanwhile.filter(({ pid }) => pid === turn.pid).length;
    const others = new Set(meanwhile.map(({ pid }) => pid));
    others.delete(turn.pid);
    return [...others].some((pid) => meanwhile.filter((one) => one.pid === pid).length > own + SLACK);
  }).length;
}

/** One that was about to begin, one that came first, and one of the library's. */
const SLACK = 3;

function sameSession(turns: readonly ChatTurn[], turn: ChatTurn): ChatTurn[] {
  return turns.filter((other) => other !== turn && other.session === turn.session);
}
