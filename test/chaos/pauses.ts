import { type Line, linesWith } from "./journal.ts";
import type { Worker } from "./processes.ts";

/** A time in which a process did nothing: it was killed, frozen, or did not get its turn. */
export interface Pause {
  pid: number;
  from: number;
  to: number;
}

/** What processes have noted of themselves, and what they could not note any more. */
export function pausesOf(lines: readonly Line[], workers: readonly Worker[]): Pause[] {
  const heldUp = linesWith(lines, "process.held_up").map(({ pid, since, at }) => ({
    pid,
    from: since,
    to: at,
  }));
  const brokenOff = workers.flatMap(({ pid, brokenOffAt: from }) =>
    from === undefined ? [] : { pid, from, to: Number.POSITIVE_INFINITY },
  );
  return [...heldUp, ...brokenOff];
}

/** The first pause of a process that began or went on in some time. */
export function pauseIn(pauses: readonly Pause[], { pid, from, to }: Pause): Pause | undefined {
  return pauses.find((pause) => pause.pid === pid && pause.from < to && pause.to > from);
}

/** Whether there is a pause that it did not come back from. */
export function isBrokenOff(pid: number, pauses: readonly Pause[]): boolean {
  return pauses.some((pause) => pause.pid === pid && pause.to === Number.POSITIVE_INFINITY);
}
