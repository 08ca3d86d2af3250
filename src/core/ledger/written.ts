/** What tells that an earlier try was written, of which only the answer was lost. */

import type { Inserted, TaskChange, TaskStore } from "../model/store.ts";
import { scopeOf, type TaskRecord } from "../model/task.ts";

export async function readInserted(store: TaskStore, task: TaskRecord): Promise<Inserted | undefined> {
  const record = await store.get(scopeOf(task), task.id);
  return record && { status: "inserted", record };
}

/** The task, if it runs and is the owner's. */
export async function readStarted(
  store: TaskStore,
  task: TaskRecord,
  owner: string,
): Promise<TaskRecord | undefined> {
  const record = await store.get(scopeOf(task), task.id);
  return record?.status === "running" && record.owner === owner ? record : undefined;
}

/** Whether a record shows this very end. */
export function isWrittenEnd(
  record: TaskRecord | undefined,
  before: TaskRecord,
  { patch, events }: TaskChange,
): boolean {
  const isSame = record?.status === patch.status && record?.completedAt === patch.completedAt;
  return isSame && record?.lastSeq === before.lastSeq + events.length;
}
