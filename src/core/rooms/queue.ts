import type { Limit } from "../store.ts";

/** A task that waits for a place in this process. */
export interface Job {
  readonly userId: string;
  readonly sessionId: string | null;
  readonly priority: number;
  /** Grows with each job asked for: first come, first served within one priority. */
  readonly order: number;
  /** Tries to start it. */
  admit(): Promise<Admission>;
  /** Ends it unstarted, because the manager closes. */
  shutdown(): Promise<void>;
}

/** `gone`: somebody else has ended the task. `failed`: the store has; try again later. */
export type Admission = "admitted" | "gone" | "failed" | Limit;

/** The waiting jobs of one session. */
interface Lane {
  readonly key: string;
  readonly userId: string;
  readonly jobs: Job[];
  /** Its first job is being admitted: no other may overtake it. */
  isAdmitting: boolean;
  /** A place became free meanwhile, so a refusal is out of date. */
  isReleased: boolean;
}

/**
 * The waiting jobs of this process, in the order in which they may start. A session that has met a limit is
 * set aside with all its jobs until it is released, so that it costs the others nothing.
 */
export class JobQueue {
  readonly #lanes = new Map<string, Lane>();
  readonly #ready = new Set<Lane>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get hasBlocked(): boolean {
    return this.#ready.size < this.#lanes.size;
  }

  add(job: Job): void {
    const lane = this.#laneOf(job);
    const place = lane.jobs.findLastIndex((other) => !goesBefore(job, other)) + 1;
    lane.jobs.splice(place, 0, job);
    this.#size += 1;
  }

  remove(job: Job): void {
    const lane = this.#lanes.get(keyOf(job));
    const place = lane?.jobs.indexOf(job) ?? -1;
    if (lane === undefined || place < 0) return;
    lane.jobs.splice(place, 1);
    this.#size -= 1;
    if (lane.jobs.length === 0) this.#drop(lane);
  }

  /** The job that may start next. Its session starts nothing else until that is settled. */
  take(): Job | undefined {
    let first: { job: Job; lane: Lane } | undefined;
    for (const lane of this.#ready) {
      const job = lane.jobs[0] as Job;
      if (first === undefined || goesBefore(job, first.job)) first = { job, lane };
    }
    if (first === undefined) return undefined;
    this.#ready.delete(first.lane);
    first.lane.isAdmitting = true;
    first.lane.isReleased = false;
    return first.job;
  }

  /** The attempt to start a taken job is over; a refused session stays aside. */
  settle(job: Job, isRefused: boolean): void {
    const lane = this.#lanes.get(keyOf(job));
    if (lane === undefined) return;
    lane.isAdmitting = false;
    if (!isRefused || lane.isReleased) this.#ready.add(lane);
  }

  /** Lets all sessions of a user, or of everybody, start jobs again. */
  release(userId?: string): void {
    for (const lane of this.#lanes.values()) {
      if (userId !== undefined && lane.userId !== userId) continue;
      lane.isReleased = true;
      if (!lane.isAdmitting) this.#ready.add(lane);
    }
  }

  /** Takes every job out. */
  clear(): Job[] {
    const jobs = [...this.#lanes.values()].flatMap((lane) => lane.jobs);
    this.#lanes.clear();
    this.#ready.clear();
    this.#size = 0;
    return jobs;
  }

  #laneOf(job: Job): Lane {
    const key = keyOf(job);
    let lane = this.#lanes.get(key);
    if (lane === undefined) {
      lane = { key, userId: job.userId, jobs: [], isAdmitting: false, isReleased: false };
      this.#lanes.set(key, lane);
      this.#ready.add(lane);
    }
    return lane;
  }

  #drop(lane: Lane): void {
    this.#lanes.delete(lane.key);
    this.#ready.delete(lane);
  }
}

function goesBefore(one: Job, other: Job): boolean {
  return one.priority === other.priority ? one.order < other.order : one.priority > other.priority;
}

function keyOf({ userId, sessionId }: Job): string {
  return JSON.stringify([userId, sessionId]);
}
