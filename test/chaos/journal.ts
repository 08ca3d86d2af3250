import { appendFileSync, existsSync, readFileSync } from "node:fs";
import type { TurnBy } from "../../src/core/model/session-claim.ts";
import { trueNow } from "./wall-clock.ts";

/** What a process did. A `call` names one call of a tool, everywhere: it is the task's `toolCallId`. */
export type Entry =
  | { event: "tool.begun"; call: string }
  | { event: "tool.ended"; call: string }
  /** `start` has answered: from now on it is not lost. */
  | { event: "task.started"; id: string }
  | { event: "record.damaged"; id: string | null }
  /** Though nobody has ended it. */
  | { event: "watch.ended"; reason: string }
  | { event: "turn.begun"; call: string }
  /** `answered`: with the value or the error of the tool. `offloaded`: with the placeholder. */
  | { event: "turn.ended"; call: string; outcome: "answered" | "offloaded" | "failed"; reason?: string }
  | { event: "chat.begun"; session: string; turn: number; by: TurnBy; waitedMs: number }
  /** `fenced`: another turn had come after it. `broken`: it was to stop. */
  | { event: "chat.ended"; session: string; turn: number; outcome: "done" | "fenced" | "broken" }
  /** What was handed over is in the conversation now. */
  | { event: "chat.told"; session: string; turn: number; ids: string[] }
  /** What was handed over was in it already. */
  | { event: "chat.again"; session: string; turn: number; ids: string[] }
  | { event: "chat.acknowledged"; ids: string[] }
  | { event: "chat.invalid"; session: string }
  /** A user got no turn. */
  | { event: "chat.shut_out"; session: string; reason: string }
  /** By something outside of it, for longer than a claim can bear. */
  | { event: "process.held_up"; since: number }
  | ({ event: "delivery.begun" } & Told)
  | ({ event: "delivery.ended" } & Told)
  | ({ event: "delivery.broken" } & Told);

interface Told {
  /** Counted in each process. */
  delivery: number;
  session: string;
  /** The tasks. */
  ids: string[];
}

/** A line of the journal: who did it, and when. */
export type Line = Entry & { at: number; pid: number };

export type LineOf<Event extends Line["event"]> = Extract<Line, { event: Event }>;

export type Note = (entry: Entry) => void;

/** Written at once, so that it stays when the process is killed. */
export function writerOf(journal: string): Note {
  return (entry) => {
    const line: Line = { ...entry, at: trueNow(), pid: process.pid };
    appendFileSync(journal, `${JSON.stringify(line)}\n`);
  };
}

export function linesOf(journal: string): Line[] {
  const text = existsSync(journal) ? readFileSync(journal, "utf8") : "";
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  return whole
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line);
}

/** The lines of some events. */
export function linesWith<Event extends Line["event"]>(
  lines: readonly Line[],
  ...events: Event[]
): LineOf<Event>[] {
  return lines.filter((line): line is LineOf<Event> => (events as string[]).includes(line.event));
}
