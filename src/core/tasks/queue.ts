import type { SessionKey } from "../model/session-claim.ts";
import type { LimitName } from "../model/store.ts";
import { SortedList } from "../values/sorted-list.ts";
import type { Slot } from "./slot.ts";

/**
 * The waiting jobs of this process. A user, or a session, that has met a limit is set aside with all its
 * jobs until it is released, so that it costs the others nothing.
 */
export class JobQueue {
  readonly #lanes = new Map<string, Lane>();
  readonly #ready = new Firsts<Lane>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(job: Job): void {
    this.#size += 1;
    this.#change(job, ({ jobs }) => jobs.add(job));
  }

  remove(job: Job): void {
    if (!this.#lanes.get(job.userId)?.lines.has(job.sessionId)) return;
    this.#change(job, ({ jobs }) => {
      if (jobs.delete(job)) this.#size -= 1;
    });
  }

  /** The job that may start next. Its user starts nothing else until that is settled. */
  take(): Job | undefined {
    const job = this.#ready.first;
    if (job === undefined) return undefined;
    this.#change(job, (_, lane) => {
      lane.admitting = job;
      lane.isReleased = false;
    });
    return job;
  }

  /** The attempt to start a taken job is over; who was refused is set aside. */
  settle(job: Job, admission: Admission): void {
    this.#change(job, (line, lane) => {
      lane.admitting = undefined;
      line.limit = undefined;
      lane.limit = undefined;
      if (lane.isReleased || admission === "admitted" || admission === "gone") return;
      const full = admission === "running_per_session" || admission === "exclusive" ? line : lane;
      full.isFull = true;
      full.limit = admission === "failed" ? undefined : admission;
    });
  }

  /** The limit that this session, or its user, has met when it last tried to start a job. */
  limitOn({ userId, sessionId }: SessionKey): LimitName | undefined {
    const lane = this.#lanes.get(userId);
    return lane?.lines.get(sessionId)?.limit ?? lane?.limit;
  }

  /** A place of this session's is free: it may start jobs again, and so may its user. */
  release({ userId, sessionId }: SessionKey): void {
    if (!this.#lanes.has(userId)) return;
    this.#change({ userId, sessionId }, (line, lane) => {
      line.isFull = false;
      lane.isFull = false;
      lane.isReleased = true;
    });
  }

  /** Lets everybody start jobs again. */
  releaseAll(): void {
    for (const [userId, lane] of this.#lanes) {
      for (const [sessionId, line] of lane.lines) {
        if (lane.isFull || line.isFull) this.release({ userId, sessionId });
      }
    }
  }

  #change({ userId, sessionId }: SessionKey, write: (line: Line, lane: Lane) => void): void {
    const lane = this.#lanes.get(userId) ?? new Lane();
    const line = lane.lines.get(sessionId) ?? new Line();
    this.#lanes.set(userId, lane);
    lane.lines.set(sessionId, line);
    write(line, lane);
    lane.open.refile(line);
    this.#ready.refile(lane);
    if (line.jobs.size === 0) lane.lines.delete(sessionId);
    if (lane.lines.size === 0 && lane.admitting === undefined) this.#lanes.delete(userId);
  }
}

/** A task, or a call, that waits for a slot in this process. */
export interface Job extends SessionKey {
  readonly priority: number;
  /** Grows with each job asked for: first come, first served within one priority. */
  readonly order: number;
  /** Tries to start it. */
  admit(slot: Slot): Promise<Admission>;
}

/** `gone`: it is to start no more. `failed`: the store has; try again later. */
export type Admission = "admitted" | "gone" | "failed" | LimitName;

/** Those who have a job that may start, in the order of these. */
class Firsts<Member extends HasFirst> {
  readonly #members = new SortedList<Member, Member>((one, other) =>
    byTurn(one.filed as Job, other.filed as Job),
  );

  get first(): Job | undefined {
    return this.#members.first()?.filed;
  }

  /** Something has changed that may be a member's first job. */
  refile(member: Member): void {
    const { first, filed } = member;
    if (first === filed) return;
    if (filed !== undefined) this.#members.delete(member);
    member.filed = first;
    if (first !== undefined) this.#members.add(member);
  }
}

interface HasFirst {
  /** The job that may start. */
  readonly first: Job | undefined;
  /** The one by which it is in order. */
  filed: Job | undefined;
}

/** The waiting jobs of one user. */
class Lane implements HasFirst {
  filed: Job | undefined;
  readonly lines = new Map<string | null, Line>();
  readonly open = new Firsts<Line>();
  /** The job that is being admitted: no other of this user may overtake it. */
  admitting: Job | undefined;
  /** The user has met a limit, or the store has failed. */
  isFull = false;
  limit: LimitName | undefined;
  /** A slot became free meanwhile, so a refusal is out of date. */
  isReleased = false;

  get first(): Job | undefined {
    return this.isFull || this.admitting ? undefined : this.open.first;
  }
}

/** Those of one session. */
class Line implements HasFirst {
  filed: Job | undefined;
  readonly jobs = new SortedList<Job, Job>(byTurn);
  /** The session has met a limit. */
  isFull = false;
  limit: LimitName | undefined;

  get first(): Job | undefined {
    return this.isFull ? undefined : this.jobs.first();
  }
}

function byTurn(one: Job, other: Job): number {
  return other.priority - one.priority || one.order - other.order;
}
