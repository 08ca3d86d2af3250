import type { LimitName } from "../model/store.ts";
import type { Slot } from "./slot.ts";

/**
 * The waiting jobs of this process. A user, or a session, that has met a limit is set aside with all its
 * jobs until it is released, so that it costs the others nothing.
 */
export class JobQueue {
  readonly #lanes = new Map<string, Lane>();
  readonly #ready = new Set<Lane>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(job: Job): void {
    const lane = this.#laneOf(job.userId);
    const at = lane.jobs.findLastIndex((other) => !goesBefore(job, other)) + 1;
    lane.jobs.splice(at, 0, job);
    this.#size += 1;
  }

  remove(job: Job): void {
    const lane = this.#lanes.get(job.userId);
    const at = lane?.jobs.indexOf(job) ?? -1;
    if (lane === undefined || at < 0) return;
    lane.jobs.splice(at, 1);
    this.#size -= 1;
    this.#dropIfEmpty(lane);
  }

  /** The job that may start next. Its user starts nothing else until that is settled. */
  take(): Job | undefined {
    let first: { job: Job; lane: Lane } | undefined;
    for (const lane of this.#ready) {
      const job = lane.jobs.find(({ sessionId }) => !lane.blocked.has(sessionId));
      if (job && (first === undefined || goesBefore(job, first.job))) first = { job, lane };
    }
    if (first === undefined) return undefined;
    this.#ready.delete(first.lane);
    first.lane.admitting = first.job;
    first.lane.isReleased = false;
    return first.job;
  }

  /** The attempt to start a taken job is over; who was refused is set aside. */
  settle(job: Job, admission: Admission): void {
    const lane = this.#lanes.get(job.userId);
    if (lane?.admitting !== job) return;
    lane.admitting = undefined;
    const isOver = admission === "admitted" || admission === "gone";
    const isSessionFull = admission === "running_per_session" && !lane.isReleased;
    if (isSessionFull) lane.blocked.add(job.sessionId);
    if (isOver || isSessionFull || lane.isReleased) this.#ready.add(lane);
    this.#dropIfEmpty(lane);
  }

  /** Lets a user, or everybody, start jobs again. */
  release(userId?: string): void {
    for (const lane of this.#lanesOf(userId)) {
      lane.blocked.clear();
      lane.isReleased = true;
      if (lane.admitting === undefined) this.#ready.add(lane);
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

  #lanesOf(userId: string | undefined): Iterable<Lane> {
    if (userId === undefined) return this.#lanes.values();
    const lane = this.#lanes.get(userId);
    return lane ? [lane] : [];
  }

  #laneOf(userId: string): Lane {
    let lane = this.#lanes.get(userId);
    if (lane === undefined) {
      lane = { userId, jobs: [], blocked: new Set(), admitting: undefined, isReleased: false };
      this.#lanes.set(userId, lane);
      this.#ready.add(lane);
    }
    return lane;
  }

  #dropIfEmpty(lane: Lane): void {
    if (lane.jobs.length > 0 || lane.admitting !== undefined) return;
    this.#lanes.delete(lane.userId);
    this.#ready.delete(lane);
  }
}

/** A task that waits for a slot in this process. */
export interface Job {
  readonly userId: string;
  readonly sessionId: string | null;
  readonly priority: number;
  /** Grows with each job asked for: first come, first served within one priority. */
  readonly order: number;
  /** Tries to start it. */
  admit(slot: Slot): Promise<Admission>;
  /** Ends it unstarted, because the manager closes. */
  shutdown(): Promise<void>;
}

/** `gone`: somebody else has ended the task. `failed`: the store has; try again later. */
export type Admission = "admitted" | "gone" | "failed" | LimitName;

/** The waiting jobs of one user, in the order in which they may start. */
interface Lane {
  readonly userId: string;
  readonly jobs: Job[];
  /** Sessions that have met their limit. */
  readonly blocked: Set<string | null>;
  /** The job that is being admitted: no other of this user may overtake it. */
  admitting: Job | undefined;
  /** A slot became free meanwhile, so a refusal is out of date. */
  isReleased: boolean;
}

function goesBefore(one: Job, other: Job): boolean {
  return one.priority === other.priority ? one.order < other.order : one.priority > other.priority;
}
