import type { NewTaskEvent, TaskStore } from "tool-offload/store";
import { LEASE_MS, recordOf } from "../fill.ts";

export const IN_FLIGHT = 64;
const USERS = 500;
const GUARD = { runningPerUser: 200, runningPerSession: 100, queuedPerUser: 1_000, exclusive: false };

/** Calls under way at once, again and again, until so many have been made. */
export async function manyAtOnce(
  count: number,
  call: (index: number) => Promise<unknown>,
  inFlight = IN_FLIGHT,
): Promise<void> {
  let next = 0;
  const go = async () => {
    while (next < count) await call(next++);
  };
  await Promise.all(Array.from({ length: inFlight }, go));
}

export function anyUser(): string {
  return `u${Math.floor(Math.random() * USERS)}`;
}

/** One task from its insertion, under limits, to its end, with a result and a follow-up that waits: two writes. */
export function live(store: TaskStore, id: string, userId: string): Promise<void> {
  return lifecycle(store, id, userId, []);
}

/** The same with a report of its progress: three writes. */
export function liveAndReport(store: TaskStore, id: string, userId: string): Promise<void> {
  return lifecycle(store, id, userId, [{ at: Date.now(), type: "task.progress", progress: { value: 1 } }]);
}

async function lifecycle(
  store: TaskStore,
  id: string,
  userId: string,
  reports: NewTaskEvent[],
): Promise<void> {
  const at = Date.now();
  const record = recordOf(id, userId, at);
  await store.insert({ record, events: [{ at, type: "task.started" }] }, GUARD, LEASE_MS);
  if (reports.length > 0) await store.append(record, record.owner, reports);
  await store.transition(record, 1, {
    patch: {
      status: "completed",
      completedAt: at,
      followUp: { status: "pending", mode: "when_idle", attempts: 0, reason: null },
    },
    events: [{ at, type: "task.completed" }],
    result: { kind: "whole", json: '{"ok":true}', lossy: [] },
  });
}

/** A record of the size of ours, for what is measured beside the stores. */
export function sampleRecord(): string {
  return JSON.stringify(recordOf("x".repeat(21), "u1", Date.now()));
}
