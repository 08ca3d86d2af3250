import { steady, systemClock, Timer } from "../../core/time/clock.ts";
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
  readonly #everyMs: number;
  #givenAt = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;

  /** `everyMs`: what comes within so many milliseconds of the piece before is sent together. */
  constructor(everyMs = 0) {
    this.#everyMs = everyMs;
    this.stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => {
          this.#isWanted = true;
          if (this.#dueInMs === 0) this.#give();
          else this.#giveLater();
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
    if (this.#isWanted && this.#backlog.bytes === 0) this.#giveLater();
    this.#backlog.push(chunk);
  }

  /** Resolves once there is room for more, or nobody to want it. */
  async room(): Promise<void> {
    if (this.#backlog.bytes < ROOM || this.#isOver) return;
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

  /** Whole pieces wait for nothing. */
  get #dueInMs(): number {
    if (this.#backlog.bytes >= PIECE) return 0;
    return Math.max(0, this.#givenAt + this.#everyMs - now());
  }

  /** What comes at the same time is sent in one piece. */
  #giveLater(): void {
    const ms = this.#dueInMs;
    if (ms === 0) {
      systemClock.nextPass(() => this.#give());
      return;
    }
    this.#timer?.clear();
    this.#timer = new Timer(systemClock, () => this.#give(), ms).unref();
  }

  #give(): void {
    if (!this.#isWanted || this.#backlog.bytes === 0) return;
    this.#isWanted = false;
    this.#hasTaken = true;
    this.#givenAt = now();
    this.#controller?.enqueue(this.#backlog.take(PIECE));
    if (this.#backlog.bytes < ROOM) this.#hasRoom();
    if (this.#isFinished) this.finish();
  }

  #end(): void {
    this.#isOver = true;
    this.#backlog.clear();
    this.#timer?.clear();
    this.#over.abort();
    this.#hasRoom();
  }
}

function now(): number {
  return steady(systemClock).monotonic();
}

/** The bytes that may wait for a reader: four times as much as a task's log has characters. */
const MOST_WAITING = 1_048_576;
/** The bytes below which more is read for a reader that is behind. */
const ROOM = 65_536;
/** The bytes that are given at once: of a slow reader one sees in time that it takes them. */
const PIECE = 65_536;
