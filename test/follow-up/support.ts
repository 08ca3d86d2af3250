import { vi } from "vitest";
import { transition } from "../../src/core/model/lifecycle.ts";
import {
  type Delivery,
  type DispatcherOptions,
  type FollowUpClaim,
  FollowUpDispatcher,
  FollowUpInbox,
  type InboxOptions,
} from "../../src/follow-up/index.ts";
import {
  BackgroundTaskManager,
  type BackgroundTaskManagerOptions,
  type TaskError,
  type TaskInfo,
  type TaskScope,
  type TaskStore,
} from "../../src/index.ts";
import { type FaultyStore, neverAnswers, type Operation } from "../support/faulty-store.ts";
import { ADA, callOf, pass, soon } from "../support/scene.ts";

/** The dispatcher's defaults that tests count with. */
export const COALESCE_MS = 100;
export const RETRY_MS = 1_000;
export const LEASE_MS = 30_000;
/** More than any hint, window and answer of a restless store take together. */
export const MOMENT_MS = COALESCE_MS + 50;

/** One delivery, as the host has seen it. */
export interface Turn {
  scope: TaskScope;
  ids: string[];
  attempts: number[];
  at: number;
  delivery: Delivery;
}

/** How a host carries a turn out. */
export type Script = (delivery: Delivery) => unknown;

export interface Host {
  turns: Turn[];
  /** Turns that run at the moment: they have not ended, and were not broken off. */
  running: Set<Turn>;
  /** The most turns that ran at a time. */
  most: number;
  /** Turns that began while another of the same session was running. */
  overlaps: Turn[];
  deliver: Script;
}

/** A host that goes by a script: one line for each turn, and the last line for all that follow. */
export function hostOf(...scripts: Script[]): Host {
  const host: Host = { turns: [], running: new Set(), most: 0, overlaps: [], deliver };
  function deliver(delivery: Delivery): unknown {
    const { scope, followUps, signal } = delivery;
    const ids = followUps.map(({ id }) => id);
    const attempts = followUps.map(({ attempt }) => attempt);
    const turn: Turn = { scope, ids, attempts, at: Date.now(), delivery };
    if ([...host.running].some((other) => sessionOf(other) === sessionOf(turn))) host.overlaps.push(turn);
    host.turns.push(turn);
    host.running.add(turn);
    host.most = Math.max(host.most, host.running.size);
    const end = () => void host.running.delete(turn);
    signal.addEventListener("abort", end);
    const script = scripts[Math.min(host.turns.length, scripts.length) - 1];
    return carryOut(() => script?.(delivery), end);
  }
  return host;
}

/** The script may throw at once, answer at once, or take its time. */
function carryOut(script: () => unknown, end: () => void): unknown {
  let answer: unknown;
  try {
    answer = script();
  } catch (error) {
    end();
    throw error;
  }
  if (answer instanceof Promise) return answer.finally(end);
  end();
  return answer;
}

export const takesMs =
  (ms: number, answer?: unknown): Script =>
  () =>
    new Promise((resolve) => setTimeout(() => resolve(answer), ms));

export const says =
  (answer: unknown): Script =>
  async () =>
    answer;

export const fails: Script = async () => {
  throw new Error("The model is down.");
};

/** A turn that never ends and hears nothing. */
export const hangs: Script = () => new Promise(() => undefined);

/** A turn that ends when it is told to. */
export const obeys: Script = ({ signal }) =>
  new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });

export interface Process {
  tasks: BackgroundTaskManager;
  dispatcher: FollowUpDispatcher;
  host: Host;
  /** What the manager has told, in order, with the ids of the tasks it was about. */
  events: { type: string; taskIds: readonly string[]; notice: Record<string, unknown> }[];
}

export interface ProcessOptions {
  store: TaskStore;
  host?: Host;
  manager?: Omit<BackgroundTaskManagerOptions, "store">;
  dispatcher?: Partial<DispatcherOptions>;
}

/** A manager with a dispatcher that is not yet started. */
export function processOf({ store, host = hostOf(), manager, dispatcher }: ProcessOptions): Process {
  const tasks = new BackgroundTaskManager({ ...manager, store });
  const events: Process["events"] = [];
  for (const type of ["follow_up.delivered", "follow_up.dropped"] as const) {
    tasks.on(type, ({ task, event }) => {
      events.push({ type, taskIds: [task.id], notice: { task, ...event } });
    });
  }
  tasks.on("delivery.failed", (notice) => {
    events.push({ type: "delivery.failed", taskIds: notice.taskIds, notice });
  });
  tasks.on("session.held", (notice) => {
    events.push({ type: "session.held", taskIds: [], notice });
  });
  const options = { tasks, deliver: host.deliver, ...dispatcher };
  return { tasks, host, events, dispatcher: new FollowUpDispatcher(options) };
}

/** A process that delivers from now on. */
export function startedProcess(options: ProcessOptions): Process {
  const started = processOf(options);
  started.dispatcher.start();
  return started;
}

export interface Wanted {
  scope?: TaskScope;
  value?: unknown;
  followUp?: "when_idle" | "interrupt" | "silent";
  metadata?: Record<string, unknown>;
}

/** A task that has just completed. */
export async function complete(tasks: BackgroundTaskManager, wanted: Wanted = {}): Promise<TaskInfo> {
  const [task] = await completeAll(tasks, [wanted]);
  if (task === undefined) throw new Error("There is no task.");
  return task;
}

/** Tasks that have just completed, as good as at the same moment, in any order. */
export function completeAll(tasks: BackgroundTaskManager, wanted: readonly Wanted[]): Promise<TaskInfo[]> {
  return soon(Promise.all(wanted.map((one) => completeOne(tasks, one))));
}

async function completeOne(tasks: BackgroundTaskManager, wanted: Wanted): Promise<TaskInfo> {
  const { scope = ADA, value = "done", followUp, metadata } = wanted;
  const call = callOf({ scope, ...(metadata && { metadata }) });
  const { id } = await tasks.start(call, () => value, { followUp });
  const [task] = await tasks.wait(scope, [id]);
  if (task === undefined) throw new Error(`No task ${id}.`);
  return task;
}

/** Ends a task as if its process were gone. */
export async function lose(store: TaskStore, id: string): Promise<void> {
  const record = await soon(store.get({ userId: ADA.userId }, id));
  const error: TaskError = { code: "lost", message: "Its process is gone." };
  const step = record && transition(record, { type: "task.failed", error }, Date.now());
  if (!record || !step?.ok) throw new Error(`Task ${id} cannot end.`);
  const events = [{ at: Date.now(), type: "task.failed" as const, error }];
  await soon(store.transition(record, record.version, { patch: step.patch, events }));
}

const OPERATIONS = [
  "insert",
  "get",
  "list",
  "transition",
  "admit",
  "append",
  "events",
  "result",
  "renew",
  "lapsed",
  "claim",
  "prolong",
  "settle",
  "resetTurns",
  "sweep",
] as const satisfies Operation[];

/** The process that uses this store has died: nothing it asks arrives any more. */
export function cutOff(store: FaultyStore): void {
  for (const operation of OPERATIONS) store.always(operation, neverAnswers);
}

/** How often an operation was asked for. */
export function countOf(store: FaultyStore, operation: Operation): number {
  return store.asked.filter((one) => one.operation === operation).length;
}

/** An inbox that answers within fake time. */
export function inboxOf(tasks: BackgroundTaskManager, options: Partial<InboxOptions> = {}) {
  const inbox = new FollowUpInbox({ tasks, ...options });
  const claim = (during: "turn" | "idle", scope: TaskScope = ADA) => soon(inbox.claim(scope, { during }));
  const mustClaim = async (during: "turn" | "idle", scope: TaskScope = ADA): Promise<FollowUpClaim> => {
    const claimed = await claim(during, scope);
    if (claimed === undefined) throw new Error("There is nothing to claim.");
    return claimed;
  };
  return { inbox, claim, mustClaim };
}

/** The ids of a claim, or of no claim. */
export function idsOf(claim: FollowUpClaim | undefined): string[] {
  return claim?.followUps.map(({ id }) => id) ?? [];
}

/** The ids of tasks. */
export function allIds(tasks: readonly { id: string }[]): string[] {
  return tasks.map(({ id }) => id);
}

/** Everything that was delivered, however many times. */
export function deliveredIds({ turns }: Host): string[] {
  return turns.flatMap(({ ids }) => ids);
}

/** In an order of their own, for what comes in any. */
export function sorted(texts: readonly string[]): string[] {
  return [...texts].sort();
}

/** The time between one turn and the next. */
export function gapsOf({ turns }: Host): number[] {
  return turns.slice(1).map(({ at }, index) => at - (turns[index]?.at ?? 0));
}

/** The timers that are left once answers on their way have come in. */
export async function timersLeft(): Promise<number> {
  await pass(10);
  return vi.getTimerCount();
}

function sessionOf({ scope }: Turn): string {
  return JSON.stringify([scope.userId, scope.sessionId]);
}
