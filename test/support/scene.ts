import { afterEach, beforeEach, expect, vi } from "vitest";
import {
  BackgroundTaskManager,
  type BackgroundTaskManagerOptions,
  type MiddlewareOptions,
  type OffloadOutcome,
  systemClock,
  type TaskEvent,
  type TaskInfo,
  type TaskScope,
  type TaskStore,
  type ToolCall,
  ToolOffloadMiddleware,
} from "../../src/index.ts";

export const ADA: TaskScope & { sessionId: string } = { userId: "ada", sessionId: "s1" };
export const BOB: TaskScope & { sessionId: string } = { userId: "bob", sessionId: "s1" };

export const TIMEOUT_MS = 100;

/** A tool call of Ada's. */
export function callOf(fields: Partial<ToolCall> = {}): ToolCall {
  return { toolName: "search", input: { query: "cats" }, scope: ADA, ...fields };
}

/** A promise to be settled by hand. */
export interface Gate<T> {
  promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

export function gate<T = string>(): Gate<T> {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}

/** A tool that never settles and hears nothing. */
export const stubborn = (): Promise<string> => new Promise(() => undefined);

/** A tool that stops as soon as it is told to. */
export const obedient = (_: unknown, { signal }: { signal: AbortSignal }): Promise<string> =>
  new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });

/** Lets fake time pass. */
export async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

/** What a promise comes to, while fake time passes a millisecond at a time. */
export async function soon<T>(promise: PromiseLike<T>, withinMs = 2_000): Promise<T> {
  let isSettled = false;
  const settled = () => {
    isSettled = true;
  };
  promise.then(settled, settled);
  for (let ms = 0; ms < withinMs; ms += 1) {
    await pass(ms === 0 ? 0 : 1);
    if (isSettled) return promise;
  }
  throw new Error(`Not settled within ${withinMs} ms.`);
}

/** Whether a promise is settled as things stand. */
export async function isPending(promise: PromiseLike<unknown>): Promise<boolean> {
  const pending = Symbol("pending");
  const first = await Promise.race([promise, Promise.resolve(pending)]).catch(() => undefined);
  return first === pending;
}

export interface Scene {
  tasks: BackgroundTaskManager;
  offload: ToolOffloadMiddleware;
}

/** A manager and a middleware with a short timeout. */
export function sceneOf(
  options: BackgroundTaskManagerOptions = {},
  middleware: Partial<MiddlewareOptions> = {},
): Scene {
  const tasks = new BackgroundTaskManager(options);
  return { tasks, offload: new ToolOffloadMiddleware({ tasks, timeoutMs: TIMEOUT_MS, ...middleware }) };
}

/** Makes managers, each on a store of its own unless it is given one. */
export function managersOn(makeStore: () => TaskStore) {
  return (options: BackgroundTaskManagerOptions = {}) =>
    new BackgroundTaskManager({ store: makeStore(), ...options });
}

/** Makes scenes, each on a store of its own. */
export function scenesOn(makeStore: () => TaskStore) {
  return (middleware: Partial<MiddlewareOptions> = {}, limits = {}): Scene =>
    sceneOf({ store: makeStore(), limits }, middleware);
}

/** Starts tasks one after the other, each with its gate. */
export async function startAll(tasks: BackgroundTaskManager, count: number, scope = ADA, options = {}) {
  const started: { id: string; gate: Gate<string> }[] = [];
  for (let index = 0; index < count; index += 1) {
    const slow = gate();
    const call = callOf({ scope, toolName: `tool${index}`, input: index });
    const { id } = await soon(tasks.start(call, () => slow.promise, options));
    await pass(1);
    started.push({ id, gate: slow });
  }
  return started;
}

/** The task of an outcome, which must be a placeholder. */
export function taskOf(outcome: OffloadOutcome<unknown>): TaskInfo {
  if (outcome.status !== "offloaded") throw new Error("The call was not offloaded.");
  return outcome.task;
}

/** The task of a call that is offloaded within fake time. */
export async function offloaded(outcome: Promise<OffloadOutcome<unknown>>): Promise<TaskInfo> {
  return taskOf(await soon(outcome));
}

/** A task as it stands. */
export async function read(tasks: BackgroundTaskManager, id: string, scope = ADA): Promise<TaskInfo> {
  const task = await soon(tasks.get(scope, id));
  if (task === undefined) throw new Error(`No task ${id}.`);
  return task;
}

/** A task after it has ended, with fake time passing until it has. */
export async function ended(
  tasks: BackgroundTaskManager,
  id: string,
  { scope = ADA, withinMs = 10_000 } = {},
): Promise<TaskInfo> {
  const [task] = await soon(tasks.wait(scope, [id]), withinMs);
  if (task === undefined) throw new Error(`No task ${id}.`);
  return task;
}

/** The only task of a scope. */
export async function onlyTask(tasks: BackgroundTaskManager, scope: TaskScope = ADA): Promise<TaskInfo> {
  const page = await soon(tasks.list(scope));
  const [task] = page.tasks;
  if (task === undefined || page.tasks.length > 1) throw new Error(`${page.tasks.length} tasks, not one.`);
  return task;
}

export async function logOf(tasks: BackgroundTaskManager, id: string, scope = ADA): Promise<TaskEvent[]> {
  return (await soon(tasks.events(scope, id))).events;
}

export async function typesOf(tasks: BackgroundTaskManager, id: string, scope = ADA): Promise<string[]> {
  return (await logOf(tasks, id, scope)).map(({ type }) => type);
}

/** Collects what nobody has handled, from now on. */
export function watchRejections(): { readonly seen: unknown[]; stop(): void } {
  const seen: unknown[] = [];
  const listener = (reason: unknown) => void seen.push(reason);
  process.on("unhandledRejection", listener);
  return { seen, stop: () => void process.off("unhandledRejection", listener) };
}

/** The tests of a file leave no rejection unhandled. */
export function forbidUnhandledRejections(): void {
  let rejections: ReturnType<typeof watchRejections>;
  beforeEach(() => {
    rejections = watchRejections();
  });
  afterEach(async () => {
    await new Promise((resolve) => setImmediate(resolve));
    rejections.stop();
    expect(rejections.seen).toEqual([]);
  });
}

/** The tests of a file run in fake time, and leave no rejection unhandled. */
export function inFakeTime(): void {
  forbidUnhandledRejections();
  beforeEach(fakeTime);
  // The last to be registered is the first to run: the look for rejections takes real time.
  afterEach(realTime);
}

const { nextPass } = systemClock;

/** Passes of the event loop are fake as well, so that a test can stand between two of them. */
export function fakeTime(): void {
  vi.useFakeTimers();
  systemClock.nextPass = (back) => void setImmediate(back);
}

export function realTime(): void {
  vi.useRealTimers();
  systemClock.nextPass = nextPass;
}
