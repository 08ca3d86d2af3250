/** Which of the tasks are shown. */
import { computed, type ReadonlySignal } from "@preact/signals";
import type { TaskInfo } from "../../client/index.ts";
import { type Filters, filters } from "./address.ts";
import { hasEnded } from "./statuses.ts";
import { tasks } from "./tasks.ts";

export const shown = computed(() => tasks.value.filter(matching(filters.value)));

/** Those that a click on "stop all" would stop. */
export const stoppable = computed(() =>
  shown.value.filter((task) => !hasEnded(task) && task.cancel === null),
);

/** How many there are of each status, whichever statuses are chosen. */
export const counts = computed(() => {
  const all = new Map<string, number>();
  for (const { status } of tasks.value.filter(matching({ ...filters.value, statuses: [] })))
    all.set(status, (all.get(status) ?? 0) + 1);
  return all;
});

export const unfinished = computed(() => tasks.value.filter((task) => !hasEnded(task)).length);
export const toolNames = namesOf(({ toolName }) => toolName);
export const sessionIds = namesOf(({ sessionId }) => sessionId);

function matching({ search, statuses, tool, session }: Filters): (task: TaskInfo) => boolean {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return (task) => {
    if (statuses.length > 0 && !statuses.includes(task.status)) return false;
    if (tool !== "" && task.toolName !== tool) return false;
    if (session !== "" && task.sessionId !== session) return false;
    return words.length === 0 || words.every((word) => searchable(task).includes(word));
  };
}

/** A task as it stands never changes: what is searched in it is written once. */
const written = new WeakMap<TaskInfo, string>();

function searchable(task: TaskInfo): string {
  const known = written.get(task);
  if (known !== undefined) return known;
  const { id, toolName, toolCallId, sessionId, agentId, summary, error, metadata } = task;
  const parts = [summary, toolName, id, toolCallId, sessionId, agentId, error?.code, error?.message];
  const text = [...parts, metadata && JSON.stringify(metadata)].join("\n").toLowerCase();
  written.set(task, text);
  return text;
}

/** The very list that it was, as long as there are no others: there may be one for each task. */
function namesOf(nameOf: (task: TaskInfo) => string | null): ReadonlySignal<readonly string[]> {
  let sorted: readonly string[] = [];
  return computed(() => {
    const names = new Set(tasks.value.map(nameOf).filter((name) => name !== null));
    if (names.size !== sorted.length || !sorted.every((name) => names.has(name)))
      sorted = [...names].sort((a, b) => a.localeCompare(b));
    return sorted;
  });
}
