import type { StreamBody } from "./body.ts";
import { TRUNCATED } from "./sse.ts";

/** One reader of a task's log, and how far it has come. Numbers without gaps say what is missing. */
export class TaskReader {
  readonly #body: StreamBody;
  #place: number;
  #isElsewhere: boolean;

  /** A reader may come from beyond the end: the log that it knows has been lost, and another has begun. */
  constructor(body: StreamBody, after: number, lastSeq: number) {
    this.#body = body;
    this.#place = Math.min(after, lastSeq);
    this.#isElsewhere = after > lastSeq;
  }

  /** The `seq` of the last event that it was told. */
  get place(): number {
    return this.#place;
  }

  /** Tells it an event, as it is written, unless it was told already. */
  tell(seq: number, written: Uint8Array): void {
    if (seq <= this.#place) return;
    if (this.#isElsewhere || seq > this.#place + 1) this.#body.write(TRUNCATED);
    this.#body.write(written);
    this.#place = seq;
    this.#isElsewhere = false;
  }
}
