import { type Line, linesWith } from "./journal.ts";
import { type Pause, pauseIn } from "./pauses.ts";

/** The lease of a claim. */
export const CLAIM_MS = 1_000;

/** One delivery: what a process did for a session, and when. */
interface Span extends Pause {
  session: string;
}

/** In how many deliveries each follow-up was begun, or came to its end. */
export function timesTold(
  lines: readonly Line[],
  event: "delivery.begun" | "delivery.ended",
): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { ids } of linesWith(lines, event)) {
    for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}

/**
 * How many deliveries began while another one of their session ran. That of a pausing process does not run, nor does
 * one whose claim may have been made before the pause: it is told to end, and may take a moment to.
 */
export function overlapsIn(lines: readonly Line[], pauses: readonly Pause[]): number {
  const running = spansIn(lines).map((span) => {
    const pause = pauseIn(pauses, { ...span, from: span.from - CLAIM_MS });
    return pause ? { ...span, to: Math.max(span.from, pause.from) } : span;
  });
  return running.filter((span) => running.some((other) => isDuring(span, other))).length;
}

/** The same within one process, where no pause is an excuse. */
export function doublesIn(lines: readonly Line[]): number {
  const spans = spansIn(lines);
  return spans.filter((span) => spans.some((other) => span.pid === other.pid && isDuring(span, other)))
    .length;
}

/** Whether one began while the other ran. */
function isDuring(one: Span, other: Span): boolean {
  return one !== other && one.session === other.session && one.from >= other.from && one.from < other.to;
}

function spansIn(lines: readonly Line[]): Span[] {
  const nameOf = ({ pid, delivery }: { pid: number; delivery: number }) => `${pid} ${delivery}`;
  const ends = new Map(
    linesWith(lines, "delivery.ended", "delivery.broken").map((line) => [nameOf(line), line.at]),
  );
  return linesWith(lines, "delivery.begun").map((line) => {
    const { session, pid, at } = line;
    return { session, pid, from: at, to: ends.get(nameOf(line)) ?? Number.POSITIVE_INFINITY };
  });
}
