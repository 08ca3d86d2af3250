import { type NewTaskEvent, numbered } from "../../core/model/events.ts";
import { type EventPage, type EventQuery, RING_CHARS, RING_EVENTS } from "../../core/model/store.ts";
import { isStoredEvent } from "../shared/check-parts.ts";
import { weightOf } from "../shared/weight.ts";
import type { Contents } from "./contents.ts";
import type { Entry } from "./entry.ts";

/** The newest events of each task. An entry knows the oldest that is kept, and how many characters all have. */
export class EventLog {
  readonly #contents: Contents;

  constructor(contents: Contents) {
    this.#contents = contents;
  }

  /** Writes the newest events of an entry, whose record counts them already. */
  append(entry: Entry, events: readonly NewTaskEvent[]): void {
    let seq = entry.record.lastSeq - events.length;
    for (const event of events) {
      seq += 1;
      this.#contents.putEvent(entry.key, seq, weightOf(event), JSON.stringify(event));
    }
    while (isFull(entry)) this.#dropOldest(entry);
  }

  /** `undefined`: it has a gap, or something that is no event. */
  page({ key, oldestSeq, record }: Entry, { after, limit }: EventQuery): EventPage | undefined {
    const firstSeq = Math.max(after + 1, oldestSeq);
    const rows = this.#contents.events(key, after, limit);
    const events = rows.flatMap(({ seq, event }, index) =>
      seq === firstSeq + index && isStoredEvent(event) ? [event] : [],
    );
    if (events.length < Math.max(rows.length, Math.min(limit, record.lastSeq - firstSeq + 1)))
      return undefined;
    return {
      events: numbered(record.id, firstSeq, events),
      nextAfter: events.length > 0 ? firstSeq + events.length - 1 : after,
      truncated: after + 1 < oldestSeq,
    };
  }

  #dropOldest(entry: Entry): void {
    for (const { seq, chars } of this.#contents.oldestEvents(entry.key, LOOK)) {
      if (!isFull(entry)) break;
      entry.oldestSeq = seq + 1;
      entry.logChars -= chars;
    }
    this.#contents.dropEventsBefore(entry.key, entry.oldestSeq);
  }
}

export function charsOf(events: readonly NewTaskEvent[]): number {
  return events.reduce((sum, event) => sum + weightOf(event), 0);
}

/** Old events looked at in one go when some have to leave. */
const LOOK = 64;

/** The newest event stays, however long it is. */
function isFull({ record, oldestSeq, logChars }: Entry): boolean {
  const count = record.lastSeq - oldestSeq + 1;
  return count > RING_EVENTS || (count > 1 && logChars > RING_CHARS);
}
