import { vi } from "vitest";
import { transition } from "../../src/core/model/lifecycle.ts";
import {
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
import { ADA, callOf, pass, read, soon } from "../support/scene.ts";
import { type Host, hostOf } from "./hosts.ts";

/** The dispatcher's defaults that tests count with. */
export const COALESCE_MS = 100;
export const RETRY_MS = 1_000;
export const LEASE_MS = 30_000;
/** More than any hint, window and answer of a restless store take together. */
export const MOMENT_MS = COALESCE_MS + 50;
/** How long a store may take to answer. */
export const STORE_TIMEOUT_MS = 2_000;
/** Longer than all attempts and all waiting between them. */
export const LONG_MS = 10 * 60_000;

/** Other sessions of Ada's. */
export const ADA_2 = { ...ADA, sessionId: "s2" };
export const ADA_3 = { ...ADA, sessionId: "s3" };

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
  "hold",
  "extend",
  "stopTurn",
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

/** In an order of their own, for what comes in any. */
export function sorted(texts: readonly string[]): string[] {
  return [...texts].sort();
}

/** Where the way back of a task stands. */
export async function followUpOf(
  of: BackgroundTaskManager | Pick<Process, "tasks">,
  id: string,
  scope = ADA,
) {
  const tasks = "tasks" in of ? of.tasks : of;
  return (await read(tasks, id, scope)).followUp;
}

/** What a process has told, by type. */
export function typesIn({ events }: Process): string[] {
  return events.map(({ type }) => type);
}

/** The timers that are left once answers on their way have come in. */
export async function timersLeft(): Promise<number> {
  await pass(10);
  return vi.getTimerCount();
}
