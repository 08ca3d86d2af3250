import { changeFor, type LifecycleEvent } from "../model/lifecycle.ts";
import type { TaskStore } from "../model/store.ts";
import type { TaskRecord, TaskScope } from "../model/task.ts";
import type { Rooms } from "../runtime.ts";

const OBSERVED: LifecycleEvent = { type: "follow_up.dropped", reason: "observed" };

/**
 * The agent has read how a task ended: nobody need tell it again. Where no follow-up is outstanding, because
 * the task is missing, foreign, unfinished or settled, nothing happens.
 *
 * @throws `store_failed`
 */
export async function observe(rooms: Rooms, scope: TaskScope, id: string): Promise<void> {
  for (let isSettled = false; !isSettled; ) {
    const record = await rooms.journal.ask("get", (store) => store.get(scope, id));
    isSettled = record === undefined || (await drop(rooms, record));
  }
}

/** False: somebody was faster, and it has to be looked at again. */
async function drop(rooms: Rooms, record: TaskRecord): Promise<boolean> {
  const change = changeFor(record, [OBSERVED], rooms.clock.now());
  if (change === undefined) return true;
  const answered = (written: TaskRecord | undefined) => {
    if (written !== undefined) rooms.hub.publish(written, change.events);
    return written !== undefined;
  };
  const write = (store: TaskStore) => store.transition(record, record.version, change);
  return answered(await rooms.journal.ask<TaskRecord | undefined>("transition", write, answered));
}
