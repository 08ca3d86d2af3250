import { systemClock } from "../../core/time/clock.ts";
import { Backlog } from "./backlog.ts";
import { HEARTBEAT } from "./sse.ts";

/**
 * The body of a stream. What its reader has not taken waits, up to a bound. A reader that lets more wait, or takes nothing
 * from one heartbeat to the next, has stalled: it is cut, which means that the stream ends without what waits.
 */
export class StreamBody {
  readonly stream: ReadableStream<Uint8Array>;
  readonly #over = new AbortController();
  readonly #backlog = new Backlog();
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #isWanted = false;
  #isFinished = false;
  /** What `over` says takes ten times as long to ask it for. */
  #isOver = false;
  #hasTaken = true;
  #hasRoom: () => void = () => undefined;

  constructor() {
    this.stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => {
          this.#isWanted = true;
          this.#give();
        },
        cancel: () => this.#end(),
      },
      { highWaterMark: 0 },
    );
  }

  /** Aborts when it is over, in whatever way. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  write(chunk: Uint8Array): void {
    if (this.#backlog.bytes > MOST_WAITING) this.cut();
    if (this.#isOver) return;
    // What comes at the same time is given in one piece.
    if (this.#isWanted && this.#backlog.bytes === 0) systemClock.nextPass(() => this.#give());
    this.#backlog.push(chunk);
  }

  /** So much waits that nothing more should be read for this reader. */
  get isFull(): boolean {
    return this.#backlog.bytes >= ROOM;
  }

  /** Resolves once there is room for more, or nobody to want it. */
  async room(): Promise<void> {
    if (!this.isFull || this.#isOver) return;
    await new Promise<void>((resolve) => {
      this.#hasRoom = resolve;
    });
  }

  beat(): void {
    if (this.#backlog.bytes === 0) this.write(HEARTBEAT);
    else if (!this.#hasTaken) this.cut();
    this.#hasTaken = false;
  }

  /** Ends it behind what still waits. */
  finish(): void {
    this.#isFinished = true;
    if (this.#backlog.bytes === 0) this.cut();
    else this.#give();
  }

  /** Ends it now. What waits is dropped: whoever comes back is told of it. */
  cut(): void {
    if (this.#isOver) return;
    this.#controller?.close();
    this.#end();
  }

  #give(): void {
    if (!this.#isWanted || this.#backlog.bytes === 0) return;
    this.#isWanted = false;
    this.#hasTaken = true;
    this.#controller?.enqueue(this.#backlog.take(PIECE));
    if (!this.isFull) this.#hasRoom();
    if (this.#isFinished) this.finish();
  }

  #end(): void {
    this.#isOver = true;
    this.#backlog.clear();
    this.#over.abort();
    this.#hasRoom();
  }
}

/** The bytes that may wait for a reader: four times as much as a task's log has characters. */
const MOST_WAITING = 1_048_576;
/** The bytes below which more is read for a reader that is behind. */
const ROOM = 65_536;
/** The bytes that are given at once: of a slow reader one sees in time that it takes them. */
const PIECE = 65_536;
