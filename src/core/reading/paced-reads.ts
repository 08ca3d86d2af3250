import type { TaskOffloadError } from "../errors.ts";
import { isNewer, type TaskInfo } from "../model/task.ts";
import { type Clock, Timer } from "../time/clock.ts";
import { retryDelay } from "../time/retry-delay.ts";
import { mayPass } from "./may-pass.ts";
import type { Queries } from "./queries.ts";

/**
 * Reads tasks of a user that have changed, four times a second, and tells of what is new. They are read in rounds, so that
 * the states of many tasks come together, and go on to readers together.
 */
export class PacedReads {
  readonly #userId: string;
  readonly #clock: Clock;
  readonly #queries: Queries;
  readonly #tell: (task: TaskInfo) => void;
  /** Tasks that have changed, were read in this round, or are being read. */
  readonly #paces = new Map<string, Pace>();
  /** Runs until the next round. */
  #timer: Timer | undefined;
  #isOver = false;

  constructor(userId: string, { clock, queries }: PacedParts, tell: (task: TaskInfo) => void) {
    this.#userId = userId;
    this.#clock = clock;
    this.#queries = queries;
    this.#tell = tell;
  }

  /** It may have changed: it is read at once, or in the next round if there was one a moment ago. */
  changed(id: string): void {
    if (this.#isOver) return;
    const pace = this.#paces.get(id) ?? newPace();
    pace.isChanged = true;
    this.#paces.set(id, pace);
    if (this.#timer === undefined) this.#beginRound();
  }

  /** Reads at once what has changed, for the last time. */
  async finish(): Promise<void> {
    this.#timer?.clear();
    await Promise.all([...this.#paces].map(([id, pace]) => this.#readLast(id, pace)));
    this.stop();
  }

  stop(): void {
    this.#isOver = true;
    this.#timer?.clear();
    this.#paces.clear();
  }

  #beginRound(): void {
    for (const [id, pace] of this.#paces) this.#turn(id, pace);
    this.#timer = undefined;
    if (this.#paces.size === 0) return;
    this.#timer = new Timer(this.#clock, () => this.#beginRound(), ROUND_MS).unref();
  }

  #turn(id: string, pace: Pace): void {
    if (pace.reading !== undefined) return;
    if (pace.pauses > 0) pace.pauses -= 1;
    else if (pace.isChanged) pace.reading = this.#read(id, pace);
    else this.#paces.delete(id);
  }

  async #readLast(id: string, pace: Pace): Promise<void> {
    await pace.reading;
    if (pace.isChanged) await this.#read(id, pace);
  }

  async #read(id: string, pace: Pace): Promise<void> {
    pace.isChanged = false;
    try {
      const task = await this.#queries.get({ userId: this.#userId }, id);
      pace.failures = 0;
      if (!this.#isOver) this.#told(task, pace);
    } catch (error) {
      pace.isChanged ||= mayPass(error as TaskOffloadError);
      pace.failures += 1;
      pace.pauses = Math.floor(retryDelay(pace.failures) / ROUND_MS);
    }
    pace.reading = undefined;
  }

  #told(task: TaskInfo | undefined, pace: Pace): void {
    if (task === undefined || (pace.last !== undefined && !isNewer(task, pace.last))) return;
    pace.last = task;
    this.#tell(task);
  }
}

export interface PacedParts {
  readonly clock: Clock;
  readonly queries: Queries;
}

/** Milliseconds between two rounds, and so between two states of one task. */
const ROUND_MS = 300;

interface Pace {
  /** It has changed since the last read began. */
  isChanged: boolean;
  /** Ends with the read, and never fails. */
  reading: Promise<void> | undefined;
  failures: number;
  /** The rounds to leave out, after a failure. */
  pauses: number;
  last: TaskInfo | undefined;
}

function newPace(): Pace {
  return { isChanged: true, reading: undefined, failures: 0, pauses: 0, last: undefined };
}
