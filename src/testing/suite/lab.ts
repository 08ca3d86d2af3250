import { expect, test } from "vitest";
import type { NewTaskEvent } from "../../core/model/events.ts";
import type { StoredFollowUp } from "../../core/model/follow-up.ts";
import type { StoredResult } from "../../core/model/result.ts";
import type {
  StoreHint,
  TaskChange,
  TaskHint,
  TaskKey,
  TaskLimits,
  TaskStore,
} from "../../core/model/store.ts";
import type { TaskRecord, TaskScope } from "../../core/model/task.ts";
import { makeTask } from "../make-task.ts";

/** What a part of the suite works with: the store of the running test, and the store's time. */
export interface Lab {
  readonly store: TaskStore;
  now(): number;
  /** Lets so much of the store's time pass. */
  advance(ms: number): Promise<void>;
  /** Cuts the connections on which the store listens, if it has any that can be cut. */
  cut?: (() => Promise<void>) | undefined;
}

export const NO_LIMITS: TaskLimits = {
  runningPerUser: null,
  runningPerSession: null,
  queuedPerUser: null,
  exclusive: false,
};

/** Short enough to be waited for where a store's clock cannot be moved. */
export const LEASE_MS = 150;
/** Longer than any test. */
export const LONG_MS = 3_600_000;

export const started: NewTaskEvent = { at: 1, type: "task.started" };
export const completed: NewTaskEvent = { at: 2, type: "task.completed" };
export const ADA: TaskScope = { userId: "ada" };
export const UNKNOWN: TaskKey = { userId: "ada", id: "unknown" };

/**
 * A test of what is so until a lease is over. Where the machine stands still meanwhile it is over too early, and
 * the test is tried again with a longer one.
 */
export function leaseTest(name: string, run: (leaseMs: number) => Promise<void>): void {
  test(name, { retry: LEASES_MS.length - 1, timeout: 30_000 }, async ({ task }) => {
    await run(LEASES_MS[task.result?.retryCount ?? 0] ?? LEASE_MS);
  });
}

export function output(chunk: string): NewTaskEvent {
  return { at: 3, type: "task.output", chunk };
}

export function progress(value: number): NewTaskEvent {
  return { at: 4, type: "task.progress", progress: { value } };
}

export function whole(value: unknown): StoredResult {
  return { kind: "whole", json: JSON.stringify(value), lossy: [] };
}

export function change(patch: TaskChange["patch"], events: NewTaskEvent[] = []): TaskChange {
  return { patch, events };
}

/** The numbers from 1 to `count`. */
export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

/** For those who want the hints of tasks alone. */
export function ofTasks(listener: (hint: TaskHint) => unknown): (hint: StoreHint) => unknown {
  return (hint) => ("turn" in hint ? undefined : listener(hint));
}

/** Writes a task that nothing keeps out. */
export async function insert(
  { store }: Lab,
  fields: Partial<TaskRecord> = {},
  events?: NewTaskEvent[],
): Promise<TaskRecord> {
  const answer = await store.insert(makeTask(fields, events), NO_LIMITS, LONG_MS);
  if (answer.status !== "inserted") throw new Error(`The task is ${answer.status}.`);
  return answer.record;
}

/** Makes a transition that nobody contests. */
export async function transition(
  { store }: Lab,
  before: TaskRecord,
  { patch, events, result }: Partial<TaskChange>,
): Promise<TaskRecord> {
  const made: TaskChange = { patch: patch ?? {}, events: events ?? [] };
  if (result !== undefined) made.result = result;
  const record = await store.transition(before, before.version, made);
  if (record === undefined) throw new Error("The transition was not made.");
  return record;
}

/** Writes a task and completes it. Nobody is to be told, unless the fields have a follow-up. */
export async function finish(lab: Lab, fields: Partial<TaskRecord> = {}): Promise<TaskRecord> {
  const { completedAt = lab.now(), followUp, ...rest } = fields;
  const record = await insert(lab, rest);
  const patch: TaskChange["patch"] = { status: "completed", completedAt };
  if (followUp) patch.followUp = followUp;
  return transition(lab, record, { patch, events: [completed] });
}

/** Writes a task and completes it, with a follow-up that waits to be delivered. */
export function finishPending(
  lab: Lab,
  fields: Partial<TaskRecord> = {},
  mode: StoredFollowUp["mode"] = "when_idle",
): Promise<TaskRecord> {
  return finish(lab, { ...fields, followUp: { status: "pending", mode, attempts: 0, reason: null } });
}

/** The same, so that it has ended after all that have ended before, by the store's clock. */
export async function finishNext(
  lab: Lab,
  fields: Partial<TaskRecord> = {},
  mode?: StoredFollowUp["mode"],
): Promise<TaskRecord> {
  await lab.advance(1);
  return finishPending(lab, fields, mode);
}

/** The task as its user sees it now. */
export async function read({ store }: Lab, { userId, id }: TaskRecord): Promise<TaskRecord> {
  const record = await store.get({ userId }, id);
  if (record === undefined) throw new Error(`There is no task ${id}.`);
  return record;
}

/** Every event kept of a task. */
export async function log({ store }: Lab, { userId, id }: TaskRecord) {
  const page = await store.events({ userId }, id, { after: 0, limit: 10_000 });
  return page?.events ?? [];
}

/** The ids of all tasks of a user, newest first. */
export async function idsOf({ store }: Lab, userId: string): Promise<string[]> {
  const { records, more } = await store.list({ userId }, { limit: 10_000 });
  expect(more).toBe(false);
  return records.map((record) => record.id);
}

/** For a machine that has stood still for longer than the one before. */
const LEASES_MS = [LEASE_MS, 1_000, 4_000];
