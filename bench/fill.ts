import type { TaskStore } from "tool-offload";

/** Of each user, so that a page is as long in a small store as in a large one. */
export const TASKS_PER_USER = 100;

/** Retention that keeps everything. */
export const UNLIMITED = {
  finishedPerUser: Number.POSITIVE_INFINITY,
  finishedTtlMs: Number.POSITIVE_INFINITY,
  followUpTtlMs: Number.POSITIVE_INFINITY,
  followUpsPerUser: Number.POSITIVE_INFINITY,
};

const NO_GUARD = { runningPerUser: null, runningPerSession: null, queuedPerUser: null, exclusive: false };
export const LEASE_MS = 30_000;

/** Puts so many finished tasks, of many users, into a store: three events and a small result each. */
export async function fill(store: TaskStore, count: number): Promise<void> {
  const users = usersOf(count);
  for (let i = 0; i < count; i += 1) {
    const at = Date.now();
    const record = recordOf(filledId(i), `u${i % users}`, at);
    await store.insert({ record, events: [{ at, type: "task.started" }] }, NO_GUARD, LEASE_MS);
    await store.append(record, record.owner, [{ at, type: "task.progress", progress: { value: 1 } }]);
    await store.transition(record, 1, {
      patch: { status: "completed", completedAt: at },
      events: [{ at, type: "task.completed" }],
      result: { kind: "whole", json: '{"ok":true}', lossy: [] },
    });
  }
}

export function usersOf(count: number): number {
  return Math.max(1, count / TASKS_PER_USER);
}

export function filledId(index: number): string {
  return `filled-${index.toString().padStart(13, "0")}`;
}

/** A running task with little in it. */
export function recordOf(id: string, userId: string, now: number) {
  return {
    id,
    userId,
    sessionId: null,
    agentId: null,
    toolName: "work",
    toolCallId: id,
    summary: "work(a=1)",
    status: "running" as const,
    priority: 1,
    createdAt: now,
    startedAt: now,
    updatedAt: now,
    completedAt: null,
    deadlineAt: null,
    progress: null,
    error: null,
    cancel: null,
    followUp: { status: "none" as const, mode: null, attempts: 0, reason: null },
    metadata: null,
    lastSeq: 0,
    version: 1,
    owner: "bench",
    runs: 1,
    duplicateKey: null,
  };
}
