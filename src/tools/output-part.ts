import type { EventPage } from "../core/model/store.ts";
import { sliceWhole } from "../core/values/text.ts";

/** Some of what a tool has written. */
export interface OutputPart {
  text: string;
  /** Give this as `after` to read on, now or when the tool has written more. */
  next_after: string;
  /** There is more to be read right now. */
  more: boolean;
  /** Some of what was written after `after` is no longer kept. */
  truncated: boolean;
}

/** The form of a cursor: "12", or "12+4000" within a chunk that was longer than the limit. */
export const CURSOR = /^\d{1,15}(\+\d{1,15})?$/;

/** Throws nothing: `text` has the form of a cursor. */
export function cursorOf(text: string): Cursor {
  const [seq, chars] = text.split("+");
  return { seq: Number(seq), chars: Number(chars ?? 0) };
}

/** The output among the events that follow a cursor: at most `limit` UTF-16 code units, no pair parted. */
export function outputPart(
  { events, nextAfter, truncated }: EventPage,
  from: Cursor,
  limit: number,
): OutputPart {
  let text = "";
  for (const event of events) {
    if (event.type !== "task.output") continue;
    const start = event.seq === from.seq + 1 ? from.chars : 0;
    const end = start + Math.max(0, limit - text.length);
    text += sliceWhole(event.chunk, start, end);
    const read = sliceWhole(event.chunk, 0, end).length;
    if (read < event.chunk.length) {
      return { text, next_after: cursorAt(event.seq - 1, read), more: true, truncated };
    }
  }
  return { text, next_after: String(nextAfter), more: false, truncated };
}

/** The `seq` of the last event that was read whole, and how much of the next one was read too. */
export interface Cursor {
  seq: number;
  chars: number;
}

function cursorAt(seq: number, chars: number): string {
  return chars === 0 ? String(seq) : `${seq}+${chars}`;
}
