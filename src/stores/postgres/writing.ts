import { lastProgress, type NewTaskEvent } from "../../core/model/events.ts";
import type { StoredResult } from "../../core/model/result.ts";
import type { Guard, Limit, Refused, TaskChange, TaskKey } from "../../core/model/store.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import type { AppendedRow, Change, Changes } from "./changes.ts";
import type { Database } from "./database.ts";
import { toKey, toText } from "./keys.ts";
import { logOf } from "./log.ts";
import type { QueryValue } from "./pool.ts";
import { toPatch } from "./rows.ts";
import { UNFINISHED } from "./sql.ts";

/** What happens to tasks that are there. */
export class Writing {
  readonly #database: Database;
  readonly #changes: Changes;

  constructor(database: Database, changes: Changes) {
    this.#database = database;
    this.#changes = changes;
  }

  async transition(task: TaskKey, version: number, change: TaskChange): Promise<TaskRecord | undefined> {
    const startsLease = change.patch.owner != null;
    const values = [...valuesOf(task, version, change), startsLease];
    const answer = await this.#database.call<Change>("change_task", values);
    return answer && this.#changes.written(answer, change.events.length);
  }

  async admit(
    task: TaskKey,
    version: number,
    change: TaskChange,
    guard: Guard,
  ): Promise<TaskRecord | Refused | undefined> {
    const values = [...valuesOf(task, version, change), guard.runningPerUser, guard.runningPerSession];
    const answer = await this.#database.call<Admission>("admit_task", values);
    if (answer === undefined) return undefined;
    if ("refusal" in answer) return { status: "refused", limit: answer.refusal };
    return this.#changes.written(answer, change.events.length);
  }

  async append(task: TaskKey, owner: string, events: NewTaskEvent[]): Promise<number> {
    const values = [...keyOf(task), toKey(owner), ...reportOf(events)];
    const answer = await this.#database.call<Change<AppendedRow>>("append_events", values);
    return answer ? this.#changes.appended(task, answer, events.length) : 0;
  }

  async checkpoint(task: TaskKey, owner: string, checkpoint: string): Promise<boolean> {
    const s = this.#database.schema;
    // The task is held meanwhile: whoever takes it over reads the checkpoint after that.
    const text = `WITH task AS (
        SELECT key FROM ${s}.tasks
        WHERE user_id = $1 AND id = $2 AND owner = $3 AND shelf IN ${UNFINISHED} FOR SHARE
      ) UPDATE ${s}.payloads AS p SET checkpoint = $4 FROM task WHERE p.task_key = task.key RETURNING true`;
    const values = [...keyOf(task), toKey(owner), toText(checkpoint)];
    return (await this.#database.ask(text, values)).length > 0;
  }
}

type Admission = Change | { refusal: Limit };

function keyOf({ userId, id }: TaskKey): QueryValue[] {
  return [toKey(userId), toKey(id)];
}

function valuesOf(task: TaskKey, version: number, { patch, events, result }: TaskChange): QueryValue[] {
  return [...keyOf(task), version, toPatch(patch), ...reportOf(events), ...partsOf(result)];
}

/** Events, and what they say of progress. */
function reportOf(events: readonly NewTaskEvent[]): QueryValue[] {
  const { json, weights, count, chars } = logOf(events);
  const progress = lastProgress(events);
  return [progress === undefined ? null : JSON.stringify(progress), json, weights, count, chars];
}

/** A result as it is kept: what it says about itself, and its texts as they are. */
function partsOf(result: StoredResult | undefined): QueryValue[] {
  if (result === undefined) return [null, null, null];
  if (result.kind === "whole") return [JSON.stringify({ lossy: result.lossy }), toText(result.json), null];
  const { bytes, lossy } = result;
  return [JSON.stringify({ bytes, lossy }), toText(result.head), toText(result.tail)];
}
