import type { Ledger } from "../ledger/ledger.ts";
import type { StoreReader } from "../ledger/store-gateway.ts";
import { checkScope, checkTask } from "../model/call.ts";
import { type LifecycleEvent, TURN_ABORTED } from "../model/lifecycle.ts";
import {
  type CancelledBy,
  isFinished,
  type TaskInfo,
  type TaskRecord,
  type TaskScope,
  toTaskInfo,
} from "../model/task.ts";
import { CANCEL, type CancelOptions } from "../options/ending-options.ts";
import type { TaskTerms } from "../options/task-terms.ts";
import type { Queries } from "../reading/queries.ts";
import type { Clock } from "../time/clock.ts";
import { readArgument } from "../values/options.ts";
import { cleanReason } from "../values/summary.ts";
import { invalidInput } from "../values/validate.ts";
import type { RunningTasks } from "./running-tasks.ts";
import type { Starter } from "./start.ts";

/** Stops tasks, whichever process runs them. */
export class Canceller {
  readonly #parts: CancellerParts;

  constructor(parts: CancellerParts) {
    this.#parts = parts;
  }

  /** Puts a cancel on record once. Resolves with what is true afterwards. */
  async cancel(scope: TaskScope, id: string, options: CancelOptions): Promise<TaskInfo | undefined> {
    checkTask(scope, id);
    const { by, reason } = readArgument(CANCEL, options);
    const { clock, terms } = this.#parts;
    const at = clock.now();
    const cleaned = reason === undefined ? null : cleanReason(reason, terms.redact);
    const record = await this.#cancel(scope, id, { by, reason: cleaned, at });
    return record && toTaskInfo(record);
  }

  /** Cancels every unfinished task of a session. */
  async cancelSession(scope: TaskScope, options: CancelOptions): Promise<TaskInfo[]> {
    checkScope(scope);
    readArgument(CANCEL, options);
    if (scope.sessionId === undefined) throw invalidInput("scope.sessionId", "a non-empty string", undefined);
    const tasks = await this.#parts.queries.unfinished(scope);
    const cancelled = await Promise.all(tasks.map(({ id }) => this.cancel(scope, id, options)));
    return cancelled.filter((task) => task !== undefined);
  }

  /** The turn that waited for it was aborted: cancels, however often the store fails. */
  byTurn(scope: TaskScope, id: string, at: number): void {
    const request: Request = { by: "turn", reason: TURN_ABORTED, at };
    this.#parts.gateway.retry(() => this.#cancel(scope, id, request)).catch(() => undefined);
  }

  async #cancel(scope: TaskScope, id: string, request: Request): Promise<TaskRecord | undefined> {
    const { gateway, ledger } = this.#parts;
    for (;;) {
      const record = await gateway.ask("get", (store) => store.get(scope, id));
      if (record === undefined || isFinished(record.status)) return record;
      if (record.cancel) return this.#tell(record);
      const tell = (written: TaskRecord) => void this.#tell(written);
      const written = await ledger.change(record, requested(record, request), request.at, tell);
      if (written) return written;
    }
  }

  /** Tells the tool, if it runs in this process. Telling it again does no harm. */
  #tell(record: TaskRecord): TaskRecord {
    const { starter, runningTasks } = this.#parts;
    if (isFinished(record.status)) starter.drop(record.id);
    else runningTasks.cancelRequested(record);
    return record;
  }
}

interface CancellerParts {
  readonly clock: Clock;
  readonly gateway: StoreReader;
  readonly ledger: Ledger;
  readonly queries: Queries;
  readonly runningTasks: RunningTasks;
  readonly starter: Starter;
  readonly terms: TaskTerms;
}

interface Request {
  by: CancelledBy;
  reason: string | null;
  /** When it was asked for; the grace counts from here. */
  at: number;
}

/** A queued task has no tool to wait for: it ends in the same step. */
function requested({ status }: TaskRecord, { by, reason }: Request): LifecycleEvent[] {
  const asked: LifecycleEvent = { type: "task.cancel_requested", by, reason };
  if (status !== "queued") return [asked];
  return [asked, { type: "task.cancelled", by, reason, mayStillRun: false }];
}
