/** Which of the tasks are shown. */
import { computed } from "@preact/signals";
import type { TaskInfo } from "../../client/index.ts";
import { type Filters, filters } from "./address.ts";
import { hasEnded } from "./statuses.ts";
import { tasks } from "./tasks.ts";

export const shown = computed(() => tasks.value.filter((task) => matches(task, filters.value)));

/** Those that a click on "stop all" would stop. */
export const stoppable = computed(() =>
  shown.value.filter((task) => !hasEnded(task) && task.cancel === null),
);

/** How many there are of each status, whichever statuses are chosen. */
export const counts = computed(() => {
  const all = new Map<string, number>();
  for (const task of tasks.value) {
    if (matches(task, { ...filters.value, statuses: [] }))
      all.set(task.status, (all.get(task.status) ?? 0) + 1);
  }
  return all;
});

export const unfinished = computed(() => tasks.value.filter((task) => !hasEnded(task)).length);
export const toolNames = computed(() => namesOf(({ toolName }) => toolName));
export const sessionIds = computed(() => namesOf(({ sessionId }) => sessionId));

export function matches(task: TaskInfo, { search, statuses, tool, session }: Filters): boolean {
  if (statuses.length > 0 && !statuses.includes(task.status)) return false;
  if (tool !== "" && task.toolName !== tool) return false;
  if (session !== "" && task.sessionId !== session) return false;
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const text = searchable(task);
  return words.every((word) => text.includes(word));
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

function namesOf(nameOf: (task: TaskInfo) => string | null): string[] {
  const names = new Set(tasks.value.map(nameOf));
  return [...names].filter((name) => name !== null).sort((a, b) => a.localeCompare(b));
}
