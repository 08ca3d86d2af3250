import type { RetentionLimits, Sweep } from "../../core/model/store.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import { dropFollowUp } from "../shared/follow-ups.ts";
import type { Connection } from "./connection.ts";
import { ENTRY, type Entry, type EntryRow } from "./entry.ts";
import type { FileTime } from "./file-time.ts";
import { ENDED_AT, INDEX, INDEX_COUNTS, TASKS_BY } from "./names.ts";
import type { SessionTable } from "./session-table.ts";
import { type Statement, statement } from "./statement.ts";
import type { TaskTable } from "./task-table.ts";
import { Waits } from "./waits.ts";

/** Lets go of what has been kept long enough. It looks only at what is over its limit. */
export class Retention {
  readonly #connection: Connection;
  readonly #table: TaskTable;
  readonly #sessions: SessionTable;
  readonly #waits: Waits;
  readonly #time: FileTime;

  constructor(connection: Connection, table: TaskTable, sessions: SessionTable, time: FileTime) {
    this.#connection = connection;
    this.#table = table;
    this.#sessions = sessions;
    this.#waits = new Waits(connection);
    this.#time = time;
  }

  /** Whether a sweep, which is asked for after each completion, would find something. Reads only. */
  hasWork(limits: RetentionLimits): boolean {
    if (this.#sessions.hasLapsed(this.#time.now()) || this.#forgettable(limits, 1).length > 0) return true;
    const { followUpTtlMs, followUpsPerUser, finishedTtlMs, finishedPerUser } = limits;
    return (
      this.#hasOver("pending", followUpTtlMs, followUpsPerUser) ||
      this.#hasOver("done", finishedTtlMs, finishedPerUser)
    );
  }

  /** Expired ones come first: they may be evicted. What is damaged is set aside, and counts for nothing. */
  sweep(limits: RetentionLimits, limit: number): Sweep {
    const sweep: Sweep = { expired: [], evicted: 0, more: false };
    const { damaged } = this.#table;
    this.#sessions.endLapsed(this.#time.now());
    this.#waits.dropLapsed(this.#time.now());
    for (const session of this.#forgettable(limits, limit)) this.#sessions.resetTurns(session);
    for (const entry of this.#pending(limits, limit)) {
      if (sweep.expired.length === limit) return { ...sweep, more: true };
      sweep.expired.push(this.#expire(entry));
    }
    const left = limit - sweep.expired.length;
    for (const { key } of this.#done(limits, left)) {
      if (sweep.evicted === left) return { ...sweep, more: true };
      this.#table.evict(key);
      sweep.evicted += 1;
    }
    // Whatever was damaged has taken the place of others.
    return { ...sweep, more: this.#table.damaged > damaged };
  }

  #pending({ followUpTtlMs, followUpsPerUser }: RetentionLimits, limit: number): Generator<Entry> {
    return this.#over("pending", followUpTtlMs, followUpsPerUser, limit);
  }

  #done({ finishedTtlMs, finishedPerUser }: RetentionLimits, limit: number): Generator<Entry> {
    return this.#over("done", finishedTtlMs, finishedPerUser, limit);
  }

  /** Tasks, one more than the limit: who meets that one knows that there is more. */
  *#over(index: Limited, ttlMs: number | null, perUser: number | null, limit: number): Generator<Entry> {
    if (ttlMs !== null)
      yield* this.#table.all(OLD, { index, until: this.#time.now() - ttlMs, limit: limit + 1 });
    if (perUser === null) return;
    for (const { userId, tasks } of this.#crowded(index, perUser, limit + 1)) {
      const most = Math.min(limit + 1, tasks - perUser);
      yield* this.#table.all(OLDEST_OF_USER[index], { userId, limit: most });
    }
  }

  #hasOver(index: Limited, ttlMs: number | null, perUser: number | null): boolean {
    const until = this.#time.now() - (ttlMs ?? 0);
    if (ttlMs !== null && this.#connection.all(OLD, { index, until, limit: 1 }).length > 0) return true;
    return perUser !== null && this.#crowded(index, perUser, 1).length > 0;
  }

  #crowded(index: Limited, perUser: number, limit: number) {
    return this.#connection.all(CROWDED, { index, perUser, limit });
  }

  #forgettable({ finishedTtlMs }: RetentionLimits, limit: number) {
    if (finishedTtlMs === null) return [];
    return this.#sessions.countedUntil(this.#time.now() - finishedTtlMs, limit);
  }

  #expire(entry: Entry): TaskRecord {
    return this.#table.change(entry, dropFollowUp(entry.record.followUp, "expired", this.#time.wall()));
  }
}

/** The indexes that have limits. */
type Limited = "pending" | "done";

/** What is filed in an index and ended until then, the oldest first. */
const OLD = statement<"index" | "until" | "limit", EntryRow>(
  `SELECT ${ENTRY} FROM ${TASKS_BY.end} WHERE ${INDEX} = :index AND ${ENDED_AT} <= :until ORDER BY ${ENDED_AT} LIMIT :limit`,
);

/** Users who have more tasks than that in an index, and how many. */
const CROWDED = statement<"index" | "perUser" | "limit", { userId: string; tasks: number }>(
  `SELECT userId, tasks FROM ${INDEX_COUNTS} WHERE ${INDEX} = :index AND tasks > :perUser LIMIT :limit`,
);

/** A user's oldest in each index. */
const OLDEST_OF_USER: Record<Limited, Statement<"userId" | "limit", EntryRow>> = {
  // Those of one user are few enough to be put in order: an index that has them in order costs at each write.
  pending: statement(`SELECT ${ENTRY} FROM ${TASKS_BY.outstanding}
    WHERE userId = :userId AND mode IS NOT NULL AND ${INDEX} = 'pending' ORDER BY ${ENDED_AT}, id LIMIT :limit`),
  done: statement(`SELECT ${ENTRY} FROM ${TASKS_BY.endOfDone}
    WHERE userId = :userId AND ${INDEX} = 'done' ORDER BY ${ENDED_AT}, id LIMIT :limit`),
};
