import { changeFor, type LifecycleEvent } from "../model/lifecycle.ts";
import type { TaskStore } from "../model/store.ts";
import {
  type CancelledBy,
  isFinished,
  type TaskInfo,
  type TaskRecord,
  type TaskScope,
  toTaskInfo,
} from "../model/task.ts";
import { checkScope, type Queries } from "../reading/queries.ts";
import { oneLine } from "../values/text.ts";
import { invalidInput } from "../values/validate.ts";
import { type Background, TURN_ABORTED } from "./running-tasks.ts";
import type { Starting } from "./start.ts";

const REASON_CODE_POINTS = 512;
const CANCELLED_BY: readonly CancelledBy[] = ["user", "model", "host", "turn"];

export interface CancelOptions {
  /** Who stops it. @default "host" */
  by?: CancelledBy | undefined;
  /** Why, in a line. */
  reason?: string | undefined;
}

interface Request {
  by: CancelledBy;
  reason: string | null;
  /** When it was asked for; the grace counts from here. */
  at: number;
}

/** Stopping tasks, whichever process runs them. */
export class Cancelling {
  readonly #background: Background;
  readonly #starting: Starting;
  readonly #queries: Queries;

  constructor(background: Background, starting: Starting, queries: Queries) {
    this.#background = background;
    this.#starting = starting;
    this.#queries = queries;
  }

  /** Puts a cancel on record once; answers what is true afterwards. */
  async cancel(scope: TaskScope, id: string, options: CancelOptions): Promise<TaskInfo | undefined> {
    checkScope(scope);
    const { by = "host", reason } = options;
    if (!CANCELLED_BY.includes(by)) throw invalidInput("by", `one of ${CANCELLED_BY.join(", ")}`, by);
    const at = this.#background.clock.now();
    if (reason !== undefined && typeof reason !== "string") throw invalidInput("reason", "a text", reason);
    const cleaned = reason === undefined ? null : oneLine(reason, REASON_CODE_POINTS);
    const record = await this.#cancel(scope, id, { by, reason: cleaned, at });
    return record && toTaskInfo(record);
  }

  /** Cancels every unfinished task of a session. */
  async cancelSession(scope: TaskScope, options: CancelOptions): Promise<TaskInfo[]> {
    if (scope.sessionId === undefined) throw invalidInput("scope.sessionId", "a non-empty string", undefined);
    const tasks = await this.#queries.unfinished(scope);
    const cancelled = await Promise.all(tasks.map(({ id }) => this.cancel(scope, id, options)));
    return cancelled.filter((task) => task !== undefined);
  }

  /** The turn that waited for it was aborted: cancels, however often the store fails. */
  byTurn(scope: TaskScope, id: string, at: number): void {
    const request: Request = { by: "turn", reason: TURN_ABORTED, at };
    const retry = () => this.#background.journal.insist("cancel", () => this.#cancel(scope, id, request));
    retry().catch(() => undefined);
  }

  async #cancel(scope: TaskScope, id: string, request: Request): Promise<TaskRecord | undefined> {
    const { journal } = this.#background;
    for (;;) {
      const record = await journal.ask("get", (store) => store.get(scope, id));
      if (record === undefined || isFinished(record.status)) return record;
      if (record.cancel) return this.#tell(record);
      const written = await this.#write(record, request);
      if (written) return written;
    }
  }

  async #write(record: TaskRecord, request: Request): Promise<TaskRecord | undefined> {
    const change = changeFor(record, requested(record, request), request.at);
    if (change === undefined) return undefined;
    const { journal, hub } = this.#background;
    const answered = (written: TaskRecord | undefined) => {
      if (written === undefined) return undefined;
      hub.publish(written, change.events);
      return this.#tell(written);
    };
    const write = (store: TaskStore) => store.transition(record, record.version, change);
    return answered(await journal.ask<TaskRecord | undefined>("transition", write, answered));
  }

  /** Tells the tool, if it runs in this process. Telling it again does no harm. */
  #tell(record: TaskRecord): TaskRecord {
    if (isFinished(record.status)) this.#starting.cancelled(record);
    else this.#background.cancelRequested(record);
    return record;
  }
}

/** A queued task has no tool to wait for: it ends in the same step. */
function requested({ status }: TaskRecord, { by, reason }: Request): LifecycleEvent[] {
  const asked: LifecycleEvent = { type: "task.cancel_requested", by, reason };
  if (status !== "queued") return [asked];
  return [asked, { type: "task.cancelled", by, reason, mayStillRun: false }];
}
