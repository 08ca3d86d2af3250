import { changeFor, type LifecycleEvent } from "../model/lifecycle.ts";
import type { Guard, Inserted, Insertion, NewTask, TaskStore } from "../model/store.ts";
import { scopeOf, type TaskRecord } from "../model/task.ts";
import { knownEnd } from "./ending.ts";
import type { Background } from "./running-tasks.ts";

const NO_GUARD: Guard = {
  runningPerUser: null,
  runningPerSession: null,
  queuedPerUser: null,
  exclusive: false,
};

const WITHDRAWN: LifecycleEvent = {
  type: "task.cancelled",
  by: "host",
  reason: "The store answered too late.",
  mayStillRun: false,
};

/**
 * Writes a task whose tool runs already and will not stop for a store that fails: the answer says whether
 * there is a task now, however long that takes to find out. `isExempt`: whatever the limits.
 */
export function insertRunning(
  task: NewTask,
  isExempt: boolean,
  background: Background,
  late: (answer: Insertion) => void,
): Promise<Insertion> {
  const { record } = task;
  const guard = isExempt ? NO_GUARD : background.terms.guard;
  const read = async (store: TaskStore): Promise<Inserted | undefined> => {
    const written = await store.get(scopeOf(record), record.id);
    return written && { status: "inserted", record: written };
  };
  background.expect(record.id);
  return background.journal.write(
    "insert",
    (store) => store.insert(task, guard, background.terms.leaseMs),
    read,
    late,
  );
}

/**
 * Writes a task whose caller is told when the store fails. What was written all the same, or will be, is
 * taken back: its caller believes that there is none.
 */
export async function insertForCaller(task: NewTask, background: Background): Promise<Insertion> {
  const { journal, terms } = background;
  const takeBack = () => withdraw(task.record, background);
  if (task.record.status === "running") background.expect(task.record.id);
  try {
    return await journal.ask("insert", (store) => store.insert(task, terms.guard, terms.leaseMs), takeBack);
  } catch (error) {
    takeBack();
    throw error;
  }
}

/** Ends a task as it was written first. If it was not, or somebody has changed it, nothing happens. */
function withdraw(record: TaskRecord, background: Background): void {
  const { journal, clock } = background;
  const now = clock.now();
  const change = changeFor(record, knownEnd(record, WITHDRAWN, now), now);
  if (change === undefined) return;
  const write = journal.insist("transition", (store) => store.transition(record, record.version, change));
  write.then(
    () => background.finished(),
    () => undefined,
  );
}
