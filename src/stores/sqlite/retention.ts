import type { RetentionLimits, Sweep } from "../../core/model/store.ts";
import { dropFollowUp } from "../shared/follow-ups.ts";
import type { Connection } from "./connection.ts";
import type { FileTime } from "./file-time.ts";
import { ENDED_AT, INDEX, INDEX_COUNTS, TASKS_BY } from "./names.ts";
import type { SessionTable } from "./session-table.ts";
import { type Statement, statement, type Values } from "./statement.ts";
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
    return !this.#pending(limits, 1).next().done || !this.#done(limits, 1).next().done;
  }

  /** Expired ones come first: they may be evicted. */
  sweep(limits: RetentionLimits, limit: number): Sweep {
    const sweep: Sweep = { expired: [], evicted: 0, more: false };
    this.#sessions.endLapsed(this.#time.now());
    this.#waits.dropLapsed(this.#time.now());
    for (const session of this.#forgettable(limits, limit)) this.#sessions.resetTurns(session);
    for (const key of this.#pending(limits, limit)) {
      if (sweep.expired.length === limit) return { ...sweep, more: true };
      this.#expire(key, sweep);
    }
    const left = limit - sweep.expired.length;
    for (const key of this.#done(limits, left)) {
      if (sweep.evicted === left) return { ...sweep, more: true };
      this.#table.evict(key);
      sweep.evicted += 1;
    }
    return sweep;
  }

  #pending({ followUpTtlMs, followUpsPerUser }: RetentionLimits, limit: number): Generator<number> {
    return this.#over("pending", followUpTtlMs, followUpsPerUser, limit);
  }

  #done({ finishedTtlMs, finishedPerUser }: RetentionLimits, limit: number): Generator<number> {
    return this.#over("done", finishedTtlMs, finishedPerUser, limit);
  }

  /** Keys of tasks, one more than the limit: who meets that one knows that there is more. */
  *#over(index: Limited, ttlMs: number | null, perUser: number | null, limit: number): Generator<number> {
    if (ttlMs !== null) yield* this.#keys(OLD, { index, until: this.#time.now() - ttlMs, limit: limit + 1 });
    if (perUser === null) return;
    const crowded = this.#connection.all(CROWDED, { index, perUser, limit: limit + 1 });
    for (const { userId, tasks } of crowded) {
      yield* this.#keys(OLDEST_OF_USER[index], { userId, limit: Math.min(limit + 1, tasks - perUser) });
    }
  }

  #keys<Name extends string>(keys: Statement<Name, KeyRow>, values: Values<Name>): number[] {
    return this.#connection.all(keys, values).map(({ key }) => key);
  }

  #forgettable({ finishedTtlMs }: RetentionLimits, limit: number) {
    if (finishedTtlMs === null) return [];
    return this.#sessions.countedUntil(this.#time.now() - finishedTtlMs, limit);
  }

  #expire(key: number, sweep: Sweep): void {
    const entry = this.#table.at(key);
    if (entry === undefined) return;
    const change = dropFollowUp(entry.record.followUp, "expired", this.#time.wall());
    sweep.expired.push(this.#table.change(entry, change));
  }
}

/** The indexes that have limits. */
type Limited = "pending" | "done";

interface KeyRow {
  key: number;
}

/** What is filed in an index and ended until then, the oldest first. */
const OLD = statement<"index" | "until" | "limit", KeyRow>(
  `SELECT key FROM ${TASKS_BY.end} WHERE ${INDEX} = :index AND ${ENDED_AT} <= :until ORDER BY ${ENDED_AT} LIMIT :limit`,
);

/** Users who have more tasks than that in an index, and how many. */
const CROWDED = statement<"index" | "perUser" | "limit", { userId: string; tasks: number }>(
  `SELECT userId, tasks FROM ${INDEX_COUNTS} WHERE ${INDEX} = :index AND tasks > :perUser LIMIT :limit`,
);

/** A user's oldest in each index. */
const OLDEST_OF_USER: Record<Limited, Statement<"userId" | "limit", KeyRow>> = {
  // Those of one user are few enough to be put in order: an index that has them in order costs at each write.
  pending: statement(`SELECT key FROM ${TASKS_BY.outstanding}
    WHERE userId = :userId AND mode IS NOT NULL AND ${INDEX} = 'pending' ORDER BY ${ENDED_AT}, id LIMIT :limit`),
  done: statement(`SELECT key FROM ${TASKS_BY.endOfDone}
    WHERE userId = :userId AND ${INDEX} = 'done' ORDER BY ${ENDED_AT}, id LIMIT :limit`),
};
