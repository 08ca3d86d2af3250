import type { StoreReader } from "../ledger/store-gateway.ts";
import { checkScope } from "../model/call.ts";
import { type ResultRange, readResult } from "../model/result.ts";
import type { EventPage, ListQuery } from "../model/store.ts";
import {
  isFinished,
  scopeOf,
  TASK_STATUSES,
  type TaskInfo,
  type TaskRecord,
  type TaskResult,
  type TaskScope,
  type TaskStatus,
  toTaskInfo,
} from "../model/task.ts";
import { DEFAULTS } from "../options/options.ts";
import { invalidInput } from "../values/validate.ts";

export interface TaskQuery {
  /** Only tasks in one of these. @default all */
  status?: TaskStatus | readonly TaskStatus[] | undefined;
  /** 1 to 500. @default 50 */
  limit?: number | undefined;
  /** The `nextCursor` of the page before. */
  cursor?: string | undefined;
}

export interface TaskPage {
  tasks: TaskInfo[];
  /** Where the next page starts; `null` on the last one. */
  nextCursor: string | null;
}

export interface TaskEventQuery {
  /** Events with a greater `seq`. @default 0 */
  after?: number | undefined;
  /** 1 to 1,000. @default 1_000 */
  limit?: number | undefined;
}

/** Reading. A scope sees its own; what is foreign reads like what is missing. */
export class Queries {
  readonly #gateway: StoreReader;

  constructor(gateway: StoreReader) {
    this.#gateway = gateway;
  }

  async list(scope: TaskScope, query: TaskQuery = {}): Promise<TaskPage> {
    checkScope(scope);
    if (typeof query !== "object" || query === null) throw invalidInput("query", "an object", query);
    const { limit = DEFAULTS.listLimit } = query;
    checkWhole("limit", limit, 1, MAX_LIST_LIMIT);
    const asked: ListQuery = { limit, ...statusOf(query), ...cursorOf(query) };
    const page = await this.#gateway.ask("list", (store) => store.list(scope, asked));
    const last = page.records.at(-1);
    return {
      tasks: page.records.map(toTaskInfo),
      nextCursor: page.more && last ? `${last.createdAt}.${last.id}` : null,
    };
  }

  /** Every unfinished task of a scope. */
  async unfinished(scope: TaskScope): Promise<TaskInfo[]> {
    const query: TaskQuery = { status: ["queued", "running", "input_required"], limit: MAX_LIST_LIMIT };
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
    if (range?.offset !== undefined) checkWhole("offset", range.offset, 0, Number.MAX_SAFE_INTEGER);
    if (range?.limit !== undefined) checkWhole("limit", range.limit, 0, Number.MAX_SAFE_INTEGER);
    const record = await this.#record(scope, id);
    return record && this.resultOf(record, range);
  }

  /** How the task of a record ended. */
  async resultOf(record: TaskRecord, range?: ResultRange): Promise<TaskResult | undefined> {
    if (!isFinished(record.status)) return undefined;
    if (record.status !== "completed") return unsuccessful(record);
    const stored = await this.#gateway.ask("result", (store) => store.result(scopeOf(record), record.id));
    return stored && readResult(stored, range);
  }

  async events(scope: TaskScope, id: string, query: TaskEventQuery = {}): Promise<EventPage> {
    checkScope(scope);
    const { after = 0, limit = DEFAULTS.eventLimit } = query;
    checkWhole("after", after, 0, Number.MAX_SAFE_INTEGER);
    checkWhole("limit", limit, 1, MAX_EVENT_LIMIT);
    const page = await this.#gateway.ask("events", (store) => store.events(scope, id, { after, limit }));
    return page ?? { events: [], nextAfter: after, truncated: false };
  }

  #record(scope: TaskScope, id: string): Promise<TaskRecord | undefined> {
    checkScope(scope);
    return this.#gateway.ask("get", (store) => store.get(scope, id));
  }
}

const MAX_LIST_LIMIT = 500;
const MAX_EVENT_LIMIT = 1_000;

function unsuccessful({ status, error, cancel }: TaskRecord): TaskResult | undefined {
  if (status === "failed" && error) return { status, error };
  if (status === "cancelled" && cancel) return { status, by: cancel.by, reason: cancel.reason };
  return undefined;
}

function checkWhole(field: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  const upTo = most === Number.MAX_SAFE_INTEGER ? "on" : `to ${most}`;
  throw invalidInput(field, `a whole number from ${least} ${upTo}`, value);
}

function statusOf({ status }: TaskQuery): Pick<ListQuery, "status"> {
  if (status === undefined) return {};
  const wanted = typeof status === "string" ? [status] : status;
  const isKnown = Array.isArray(wanted) && wanted.every((one) => TASK_STATUSES.includes(one));
  if (!isKnown) throw invalidInput("status", `one or more of ${TASK_STATUSES.join(", ")}`, status);
  return { status: wanted };
}

function cursorOf({ cursor }: TaskQuery): Pick<ListQuery, "after"> {
  if (cursor === undefined) return {};
  const [, createdAt, id] = /^(\d{1,16})\.(.{1,128})$/.exec(cursor) ?? [];
  if (createdAt === undefined || id === undefined) throw invalidInput("cursor", "a nextCursor", cursor);
  return { after: { createdAt: Number(createdAt), id } };
}
