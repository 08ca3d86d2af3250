import { type NewTaskEvent, numbered } from "../../core/model/events.ts";
import { type EventPage, type EventQuery, RING_CHARS, RING_EVENTS } from "../../core/model/store.ts";
import { copyEvent } from "../shared/copy.ts";
import { weightOf } from "../shared/weight.ts";

/** The newest events of one task. Their numbers are not kept: they count back from the task's `lastSeq`. */
export class EventLog {
  #events: NewTaskEvent[] = [];
  #chars = 0;

  append(events: readonly NewTaskEvent[]): void {
    for (const event of events) this.#chars += weightOf(event);
    // Most logs are short and stay as they are: an array made by push would be mostly empty.
    const copies = events.map(copyEvent);
    this.#events = this.#events.length === 0 ? copies : this.#events.concat(copies);
    this.#dropOldest();
  }

  page(taskId: string, lastSeq: number, { after, limit }: EventQuery): EventPage {
    const firstSeq = lastSeq - this.#events.length + 1;
    const start = Math.max(0, after + 1 - firstSeq);
    const page = this.#events.slice(start, start + limit);
    return {
      events: numbered(taskId, firstSeq + start, page.map(copyEvent)),
      nextAfter: page.length > 0 ? firstSeq + start + page.length - 1 : after,
      truncated: after + 1 < firstSeq,
    };
  }

  /** The newest event stays, however long it is. */
  #dropOldest(): void {
    const events = this.#events;
    let dropped = 0;
    while (this.#isFull(events.length - dropped)) {
      this.#chars -= weightOf(events[dropped] as NewTaskEvent);
      dropped += 1;
    }
    if (dropped > 0) this.#events = events.slice(dropped);
  }

  #isFull(count: number): boolean {
    return count > RING_EVENTS || (count > 1 && this.#chars > RING_CHARS);
  }
}
