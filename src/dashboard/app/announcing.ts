/** What a screen reader is told: that tasks have ended, together, and at most one sentence in five seconds. */
import { type ReadonlySignal, signal } from "@preact/signals";
import type { TaskInfo } from "../../client/index.ts";
import { cleanText } from "./clean-text.ts";
import { hasEnded, statusName } from "./statuses.ts";

export const announcement = signal("");

const EVERY_MS = 5_000;

export function announceEnds(tasks: ReadonlySignal<readonly TaskInfo[]>): void {
  let unfinished = new Set<string>();
  const ended = new Map<string, TaskInfo>();
  let timer: ReturnType<typeof setTimeout> | undefined;

  const say = () => {
    timer = undefined;
    if (ended.size === 0) return;
    announcement.value = sentence([...ended.values()]);
    ended.clear();
    timer = setTimeout(say, EVERY_MS);
  };

  tasks.subscribe((all) => {
    for (const task of all) if (hasEnded(task) && unfinished.has(task.id)) ended.set(task.id, task);
    unfinished = new Set(all.filter((task) => !hasEnded(task)).map(({ id }) => id));
    if (ended.size > 0 && timer === undefined) say();
  });
}

export function sentence(ended: readonly TaskInfo[]): string {
  const [first] = ended;
  if (first === undefined) return "";
  if (ended.length === 1) return `${cleanText(first.summary)}: ${statusName(first.status).toLowerCase()}.`;
  const counts = new Map<string, number>();
  for (const { status } of ended) counts.set(status, (counts.get(status) ?? 0) + 1);
  const parts = [...counts].map(([status, count]) => `${count} ${statusName(status).toLowerCase()}`);
  return `${ended.length} tasks have ended: ${parts.join(", ")}.`;
}
