import type { TaskOffloadError } from "../errors.ts";
import { isNewer, type TaskInfo } from "../model/task.ts";
import { type Clock, Timer } from "../time/clock.ts";
import { retryDelay } from "../time/retry-delay.ts";
import { mayPass } from "./may-pass.ts";
import type { Queries } from "./queries.ts";

/** Reads tasks of a user that have changed, each at most four times a second, and tells of what is new. */
export class PacedReads {
  readonly #userId: string;
  readonly #clock: Clock;
  readonly #queries: Queries;
  readonly #tell: (task: TaskInfo) => void;
  /** Tasks that were read a moment ago, or are being read. */
  readonly #paces = new Map<string, Pace>();
  #isOver = false;

  constructor(userId: string, { clock, queries }: PacedParts, tell: (task: TaskInfo) => void) {
    this.#userId = userId;
    this.#clock = clock;
    this.#queries = queries;
    this.#tell = tell;
  }

  /** It may have changed: it is read at once, or as soon as it may be. */
  changed(id: string): void {
    const pace = this.#paces.get(id);
    if (pace !== undefined) pace.isChanged = true;
    else if (!this.#isOver) this.#begin(id);
  }

  stop(): void {
    this.#isOver = true;
    for (const { timer } of this.#paces.values()) timer?.clear();
    this.#paces.clear();
  }

  #begin(id: string): void {
    const pace: Pace = { isChanged: true, failures: 0, last: undefined, timer: undefined };
    this.#paces.set(id, pace);
    void this.#read(id, pace);
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
    }
    if (!this.#isOver) this.#rest(id, pace);
  }

  #told(task: TaskInfo | undefined, pace: Pace): void {
    if (task === undefined || (pace.last !== undefined && !isNewer(task, pace.last))) return;
    pace.last = task;
    this.#tell(task);
  }

  #rest(id: string, pace: Pace): void {
    const over = () => {
      if (pace.isChanged) void this.#read(id, pace);
      else this.#paces.delete(id);
    };
    const ms = pace.failures === 0 ? PACE_MS : Math.max(PACE_MS, retryDelay(pace.failures));
    pace.timer = new Timer(this.#clock, over, ms).unref();
  }
}

export interface PacedParts {
  readonly clock: Clock;
  readonly queries: Queries;
}

/** Milliseconds between two states of one task. */
const PACE_MS = 250;

interface Pace {
  /** It has changed since the last read began. */
  isChanged: boolean;
  failures: number;
  last: TaskInfo | undefined;
  timer: Timer | undefined;
}
