import { TASK_STATUSES, type TaskStatus } from "../model/task.ts";
import { either, type Kind, kind, milliseconds, object, signal, whole } from "../values/kinds.ts";
import { option, type Table } from "../values/options.ts";
import { fault } from "../values/validate.ts";

const taskId = kind<string>("the id of a task", (value) => typeof value === "string");

export interface TaskQuery {
  /** Only tasks in one of these. @default all */
  status?: TaskStatus | readonly TaskStatus[] | undefined;
  /** 1 to 500. @default 50 */
  limit?: number | undefined;
  /** The `nextCursor` of the page before. */
  cursor?: string | undefined;
}

export const MOST_LISTED = 500;
export const CURSOR = /^(\d{1,16})\.(.{1,128})$/;

const areStatuses = (value: unknown) =>
  [value].flat().every((one) => TASK_STATUSES.includes(one as TaskStatus));

const isCursor = (value: unknown) => typeof value === "string" && CURSOR.test(value);

export const QUERY = {
  status: option(kind(`one or more of ${TASK_STATUSES.join(", ")}`, areStatuses)),
  limit: option(whole(1, MOST_LISTED), 50),
  cursor: option(kind("a nextCursor", isCursor)),
} satisfies Table<TaskQuery>;

export interface TaskEventQuery {
  /** Events with a greater `seq`. @default 0 */
  after?: number | undefined;
  /** 1 to 1,000. @default 1_000 */
  limit?: number | undefined;
}

export const EVENT_QUERY = {
  after: option(whole(0), 0),
  limit: option(whole(1, 1_000), 1_000),
} satisfies Table<TaskEventQuery>;

export interface WaitOptions {
  /** Until all of them have finished, or any. @default "all" */
  mode?: "all" | "any" | undefined;
  /** Milliseconds after which it resolves with things as they stand. @default Infinity */
  timeoutMs?: number | undefined;
  /** Rejects with its reason. */
  signal?: AbortSignal | undefined;
}

export const WAIT = {
  mode: option(either("all", "any"), "all"),
  timeoutMs: option(milliseconds, Number.POSITIVE_INFINITY),
  signal: option(signal),
} satisfies Table<WaitOptions>;

/**
 * Watches one task from `after` to its end, or, without an `id`, whatever happens from when its loop begins. `from` has
 * tasks of which that is to begin earlier: by their ids, the `seq` of the last event that is known of each.
 */
export type WatchOptions =
  | {
      from?: Readonly<Record<string, number>> | undefined;
      signal?: AbortSignal | undefined;
      id?: undefined;
      after?: undefined;
    }
  | { id: string; after?: number | undefined; signal?: AbortSignal | undefined; from?: undefined };

/** Tasks with news, or whose place in the telling is kept, so that a hint that comes twice is told once. */
export const MOST_TOLD = 10_000;

const seq = whole(0);

const seqs: Kind<Readonly<Record<string, number>>> = (value, name, code) => {
  const given = object<Record<string, number>>("an object with a seq for each id")(value, name, code);
  const entries = Object.entries(given);
  if (entries.length > MOST_TOLD) throw fault(code, name, `at most ${MOST_TOLD} ids`, entries.length);
  for (const [id, one] of entries) seq(one, `${name}.${id}`, code);
  return Object.fromEntries(entries);
};

export const WATCH = {
  id: option(taskId),
  after: option(seq),
  from: option(seqs),
  signal: option(signal),
} satisfies Table<Record<keyof WatchOptions, unknown>>;

export interface WatchAllOptions {
  /** Ends it. */
  signal?: AbortSignal | undefined;
}

export const WATCH_ALL = { signal: option(signal) } satisfies Table<WatchAllOptions>;
