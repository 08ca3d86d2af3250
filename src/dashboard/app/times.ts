import type { TaskInfo } from "../../client/index.ts";
import { hasEnded } from "./statuses.ts";

/** How long a task has run, or has waited while it is queued. */
export function elapsedMs(task: TaskInfo, at: number): number {
  const end = task.completedAt ?? (hasEnded(task) ? task.updatedAt : at);
  return Math.max(0, end - (task.startedAt ?? task.createdAt));
}

/** `850 ms`, `12 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function durationText(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const parts = UNITS.map(([name, size, base]) => [name, Math.floor(ms / size) % base] as const);
  const first = parts.findIndex(([, count]) => count > 0);
  return parts
    .slice(first, first + 2)
    .filter(([, count], index) => index === 0 || count > 0)
    .map(([name, count]) => `${count} ${name}`)
    .join(" ");
}

const UNITS = [
  ["d", 86_400_000, Number.POSITIVE_INFINITY],
  ["h", 3_600_000, 24],
  ["min", 60_000, 60],
  ["s", 1_000, 60],
] as const;

/** By the second only where it matters: a list whose every line ticks is restless. */
export function agoText(instant: number, at: number): string {
  const ms = Math.max(0, at - instant);
  if (ms < 60_000) return "just now";
  const [name, size] = UNITS.find(([, size]) => ms >= size) ?? UNITS[2];
  return `${Math.floor(ms / size)} ${name} ago`;
}

const instants = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const clocks = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

export function instantText(instant: number): string {
  return instants.format(instant);
}

export function clockText(instant: number): string {
  return clocks.format(instant);
}
