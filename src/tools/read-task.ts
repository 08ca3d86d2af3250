import { type CancelledBy, isFinished, type TaskError, type TaskInfo } from "../core/model/task.ts";
import { shownResult } from "../core/model/view.ts";
import type { NoSuchTask, OwnTasks } from "./definition.ts";
import { noSuchTask } from "./definition.ts";
import type { OutputPart } from "./output-part.ts";
import { type Cursor, outputPart } from "./output-part.ts";
import { type CompletedPart, completedPart } from "./result-part.ts";
import { type TaskView, viewOf } from "./task-view.ts";

/** How a task ended. */
export type TaskOutcome =
  | CompletedPart
  | ({ status: "failed" } & TaskError)
  | { status: "cancelled"; by: CancelledBy; reason: string | null };

/** A task as a model reads it. */
export interface TaskRead {
  found: true;
  task: TaskView;
  /** What its tool has written while it ran; `null` where only more of the result was asked for. */
  output: OutputPart | null;
  /** `null` until it has ended. */
  outcome: TaskOutcome | null;
}

/** What is read of a task. */
export interface Reading {
  /** Where to begin in the text of its result. */
  offset: number;
  /** Of the output, and of the result, at most, in UTF-16 code units. */
  limit: number;
  /** Where to go on in the output; `undefined`: nobody has said. */
  after: Cursor | undefined;
}

/** The task as it was when it was waited for, and what it has written and returned. */
export async function readTask(
  own: OwnTasks,
  task: TaskInfo | undefined,
  reading: Reading,
): Promise<TaskRead | NoSuchTask> {
  if (task === undefined) return noSuchTask();
  const output = await readOutput(own, task, reading);
  const outcome = isFinished(task.status) ? await readOutcome(own, task, reading) : null;
  // It was evicted between two looks at it.
  if (outcome === undefined) return noSuchTask();
  if (outcome !== null && hasTold(outcome, reading)) await markObserved(own, task);
  return { found: true, task: viewOf(task, own.now()), output, outcome };
}

/** Who reads on in a result has no use for the output once more. */
async function readOutput(
  { tasks, scope }: OwnTasks,
  { id }: TaskInfo,
  { offset, limit, after }: Reading,
): Promise<OutputPart | null> {
  if (offset > 0 && after === undefined) return null;
  const cursor = after ?? { seq: 0, chars: 0 };
  return outputPart(await tasks.events(scope, id, { after: cursor.seq }), cursor, limit);
}

async function readOutcome(
  own: OwnTasks,
  { id }: TaskInfo,
  { offset, limit }: Reading,
): Promise<TaskOutcome | undefined> {
  const { result, view } = (await own.end(id)) ?? {};
  if (result?.status === "completed") return completedPart(shownResult(result, view), offset, limit);
  return result?.status === "failed" ? { status: "failed", ...result.error } : result;
}

/** Somebody who asked beyond the end of a result has read nothing of it. */
function hasTold(outcome: TaskOutcome, { offset }: Reading): boolean {
  return outcome.status !== "completed" || outcome.text !== "" || offset === 0;
}

/** It was read, whether that can be noted or not: if not, it arrives once more. The failure is an event. */
function markObserved(own: OwnTasks, { id }: TaskInfo): Promise<void> {
  return own.observe(id).catch(() => undefined);
}
