import type { StoreReader } from "../ledger/store-gateway.ts";
import { checkScope, checkTask } from "../model/call.ts";
import { RANGE, type ResultRange, readResult } from "../model/result.ts";
import type { EventPage, ListQuery } from "../model/store.ts";
import {
  isFinished,
  scopeOf,
  type TaskInfo,
  type TaskRecord,
  type TaskResult,
  type TaskScope,
  toTaskInfo,
} from "../model/task.ts";
import type { ResultView } from "../model/view.ts";
import {
  CURSOR,
  EVENT_QUERY,
  MOST_LISTED,
  QUERY,
  type TaskEventQuery,
  type TaskQuery,
} from "../options/query-options.ts";
import { readArgument } from "../values/options.ts";

export interface TaskPage {
  tasks: TaskInfo[];
  /** Where the next page starts; `null` on the last one. */
  nextCursor: string | null;
}

/** How a task ended. */
export interface TaskEnd {
  result: TaskResult;
  /** What a model is shown in place of the value, if its tool says so. */
  view?: ResultView | undefined;
}

/** Reading. A scope sees its own; what is foreign reads like what is missing. */
export class Queries {
  readonly #gateway: StoreReader;

  constructor(gateway: StoreReader) {
    this.#gateway = gateway;
  }

  async list(scope: TaskScope, query: TaskQuery = {}): Promise<TaskPage> {
    checkScope(scope);
    const { status, limit, cursor } = readArgument(QUERY, query, "query");
    const asked: ListQuery = { limit };
    if (status !== undefined) asked.status = typeof status === "string" ? [status] : status;
    if (cursor !== undefined) asked.after = placeOf(cursor);
    const page = await this.#gateway.ask("list", (store) => store.list(scope, asked));
    const last = page.records.at(-1);
    return {
      tasks: page.records.map(toTaskInfo),
      nextCursor: page.more && last ? `${last.createdAt}.${last.id}` : null,
    };
  }

  /** Every unfinished task of a scope. */
  async unfinished(scope: TaskScope): Promise<TaskInfo[]> {
    const query: TaskQuery = { status: ["queued", "running", "input_required"], limit: MOST_LISTED };
    const tasks: TaskInfo[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const page: TaskPage = await this.list(scope, cursor === "" ? query : { ...query, cursor });
      tasks.push(...page.tasks);
      cursor = page.nextCursor;
    }
    return tasks;
  }

  async get(scope: TaskScope, id: string): Promise<TaskInfo | undefined> {
    const record = await this.#record(scope, id);
    return record && toTaskInfo(record);
  }

  async result(scope: TaskScope, id: string, range?: ResultRange): Promise<TaskResult | undefined> {
    if (range !== undefined) readArgument(RANGE, range, "range");
    return (await this.end(scope, id, range))?.result;
  }

  /** How a task ended, and what a model is shown of that. */
  async end(scope: TaskScope, id: string, range?: ResultRange): Promise<TaskEnd | undefined> {
    const record = await this.#record(scope, id);
    return record && this.endOf(record, range);
  }

  /** The same of a record. */
  async endOf(record: TaskRecord, range?: ResultRange): Promise<TaskEnd | undefined> {
    if (!isFinished(record.status)) return undefined;
    if (record.status !== "completed") return unsuccessful(record);
    const stored = await this.#gateway.ask("result", (store) => store.result(scopeOf(record), record.id));
    return stored && { result: readResult(stored, range), view: stored.view && JSON.parse(stored.view) };
  }

  async events(scope: TaskScope, id: string, query: TaskEventQuery = {}): Promise<EventPage> {
    checkTask(scope, id);
    const asked = readArgument(EVENT_QUERY, query, "query");
    const page = await this.#gateway.ask("events", (store) => store.events(scope, id, asked));
    return page ?? { events: [], nextAfter: asked.after, truncated: false };
  }

  #record(scope: TaskScope, id: string): Promise<TaskRecord | undefined> {
    checkTask(scope, id);
    return this.#gateway.ask("get", (store) => store.get(scope, id));
  }
}

function unsuccessful({ status, error, cancel }: TaskRecord): TaskEnd | undefined {
  if (status === "failed" && error) return { result: { status, error } };
  if (status === "cancelled" && cancel) return { result: { status, by: cancel.by, reason: cancel.reason } };
  return undefined;
}

/** Where the page after a cursor begins. */
function placeOf(cursor: string): { createdAt: number; id: string } {
  const [, createdAt, id = ""] = CURSOR.exec(cursor) ?? [];
  return { createdAt: Number(createdAt), id };
}
