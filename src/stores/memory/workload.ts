import type { LimitName, TaskLimits } from "../../core/model/store.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import type { Entry } from "./entry.ts";

/** The unfinished tasks of one user, counted as limits count them. */
export class Workload {
  #running = 0;
  #queued = 0;
  readonly #sessions = new Map<string, SessionLoad>();
  readonly #byDuplicateKey = new Map<string, Entry>();

  add(entry: Entry): void {
    const { duplicateKey, cancel } = entry.record;
    if (duplicateKey !== null && cancel === null) this.#byDuplicateKey.set(duplicateKey, entry);
    this.#count(entry.record, 1);
  }

  delete(entry: Entry): void {
    const { duplicateKey } = entry.record;
    if (duplicateKey !== null && this.duplicateOf(duplicateKey) === entry) {
      this.#byDuplicateKey.delete(duplicateKey);
    }
    this.#count(entry.record, -1);
  }

  /** The uncancelled task that has this key. */
  duplicateOf(key: string | null): Entry | undefined {
    return key === null ? undefined : this.#byDuplicateKey.get(key);
  }

  /** The limit that keeps a new task out. */
  refuse(record: TaskRecord, limits: TaskLimits): LimitName | undefined {
    if (limits.exclusive && this.#loadOf(record.sessionId) !== undefined) return "exclusive";
    if (record.status === "running") return this.refuseToRun(record, limits);
    if (record.status === "queued" && isMet(limits.queuedPerUser, this.#queued)) return "queued_per_user";
    return undefined;
  }

  /** The limit that keeps a task from running. */
  refuseToRun({ sessionId }: TaskRecord, limits: TaskLimits): LimitName | undefined {
    if (isMet(limits.runningPerUser, this.#running)) return "running_per_user";
    const inSession = this.#loadOf(sessionId)?.running ?? 0;
    if (sessionId !== null && isMet(limits.runningPerSession, inSession)) return "running_per_session";
    return undefined;
  }

  #count({ status, sessionId }: TaskRecord, by: 1 | -1): void {
    if (status === "running") this.#running += by;
    if (status === "queued") this.#queued += by;
    if (sessionId === null) return;
    const load = this.#loadOf(sessionId) ?? { unfinished: 0, running: 0 };
    load.unfinished += by;
    if (status === "running") load.running += by;
    if (load.unfinished === 0) this.#sessions.delete(sessionId);
    else this.#sessions.set(sessionId, load);
  }

  #loadOf(sessionId: string | null): SessionLoad | undefined {
    return sessionId === null ? undefined : this.#sessions.get(sessionId);
  }
}

interface SessionLoad {
  unfinished: number;
  running: number;
}

function isMet(limit: number | null, count: number): boolean {
  return limit !== null && count >= limit;
}
