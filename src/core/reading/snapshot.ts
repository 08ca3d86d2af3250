import { isFinished, isNewer, TASK_STATUSES, type TaskInfo, type TaskScope } from "../model/task.ts";
import type { TasksSnapshot } from "../model/tasks-update.ts";
import { MOST_LISTED } from "../options/query-options.ts";
import type { Queries } from "./queries.ts";

/** Reads how the tasks of a scope stand. */
export async function readSnapshot(queries: Queries, scope: TaskScope): Promise<TasksSnapshot> {
  const { tasks, nextCursor } = await queries.list(scope, { limit: MOST_LISTED });
  if (nextCursor === null) return { tasks, more: false };
  const others = await queries.list(scope, { status: FINISHED, limit: 1, cursor: nextCursor });
  return { tasks: united(tasks, await queries.unfinished(scope)), more: others.tasks.length > 0 };
}

/** A snapshot with what has become known while it was read. */
export function updated({ tasks, more }: TasksSnapshot, known: ReadonlyMap<string, TaskInfo>): TasksSnapshot {
  const newest = tasks.map((task) => {
    const other = known.get(task.id);
    return other !== undefined && isNewer(other, task) ? other : task;
  });
  return { tasks: united([...known.values()], newest), more };
}

const FINISHED = TASK_STATUSES.filter(isFinished);

/** Those of the second list come first where a task is in both; newest first. */
function united(some: readonly TaskInfo[], others: readonly TaskInfo[]): TaskInfo[] {
  const byId = new Map([...some, ...others].map((task) => [task.id, task]));
  return [...byId.values()].sort(
    (one, other) => other.createdAt - one.createdAt || (one.id < other.id ? 1 : -1),
  );
}
