/** The tasks that the page knows, and how it comes by them. */
import { batch, computed, signal } from "@preact/signals";
import type { TaskInfo, TasksSnapshot, TasksUpdate } from "../../client/index.ts";
import { isNewer } from "../../core/model/task.ts";
import { selected } from "./address.ts";
import { client, isSignedOut, messageOf } from "./api.ts";
import { hasEnded } from "./statuses.ts";

export type Connection = "loading" | "live" | "polling" | "reconnecting" | "signed_out" | "error";

export const connection = signal<Connection>("loading");
export const failure = signal("");
/** Whether anything was told yet: until then nobody knows that there is nothing. */
export const hasLoaded = signal(false);
/** How often it was begun anew, by a user who has signed in again, or hopes for better luck. */
export const attempt = signal(0);

/** Those that are followed live. */
const followed = signal<ReadonlyMap<string, TaskInfo>>(new Map());
/** Those that were asked for beyond them. All of these have ended. */
const older = signal<ReadonlyMap<string, TaskInfo>>(new Map());
const hasMore = signal(false);
const nextCursor = signal<string | null | undefined>(undefined);

export const isLoadingOlder = signal(false);
/** Why the last attempt to load older ones has failed. */
export const loadFailure = signal("");
export const hasOlder = computed(() => hasMore.value && nextCursor.value !== null);

/** Newest first. */
export const tasks = computed(() =>
  [...new Map([...older.value, ...followed.value]).values()].sort(newestFirst),
);

function newestFirst(a: TaskInfo, b: TaskInfo): number {
  return b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1);
}

export function taskWithId(id: string): TaskInfo | undefined {
  return followed.value.get(id) ?? older.value.get(id);
}

let following: AbortController | undefined;

/** Begins, or begins anew after what has ended it. */
export async function followTasks(): Promise<void> {
  if (following) attempt.value += 1;
  following?.abort();
  following = new AbortController();
  const { signal } = following;
  let mayBeAnotherUser = connection.value === "signed_out";
  connection.value = "loading";
  const onState = (state: Connection) => {
    // Nothing is shown yet: that is still loading.
    if (state !== "live" || connection.value !== "loading") connection.value = state;
  };
  try {
    for await (const update of client.watchAll({ signal, onState })) {
      if (mayBeAnotherUser) forget();
      mayBeAnotherUser = false;
      take(update);
    }
  } catch (error) {
    if (signal.aborted) return;
    failure.value = messageOf(error);
    connection.value = isSignedOut(error) ? "signed_out" : "error";
  }
}

/** Whoever finds that nobody is signed in any more says so here. */
export function endSignedOut(): void {
  following?.abort();
  connection.value = "signed_out";
}

function forget(): void {
  batch(() => {
    followed.value = older.value = new Map();
    nextCursor.value = undefined;
  });
}

/** States that have come since the last frame. What reports often is drawn once. */
const pending = new Map<string, TaskInfo>();

function take(update: TasksUpdate): void {
  if (update.type === "snapshot") {
    takeSnapshot(update);
    return;
  }
  if (pending.size === 0) setTimeout(takePending, FRAME_MS);
  pending.set(update.task.id, update.task);
}

function takeSnapshot({ tasks, more }: TasksSnapshot): void {
  pending.clear();
  const told = new Map(tasks.map((task) => [task.id, newest(task)]));
  // What is looked at may be older than all of these, or so new that they do not know it.
  const chosen = taskWithId(selected.value);
  if (chosen && !told.has(chosen.id)) told.set(chosen.id, chosen);
  batch(() => {
    older.value = more && nextCursor.value !== undefined ? beyond(tasks) : new Map();
    followed.value = told;
    hasMore.value = more;
    hasLoaded.value = true;
    if (connection.value === "loading") connection.value = "live";
  });
}

/** Of those that are known, the ones that a snapshot does not reach: it does not say that they are gone. */
function beyond(snapshot: readonly TaskInfo[]): Map<string, TaskInfo> {
  const last = snapshot.findLast(hasEnded) ?? snapshot.at(-1);
  const known = [...older.value, ...followed.value];
  return new Map(known.filter(([, task]) => hasEnded(task) && last && newestFirst(task, last) > 0));
}

function takePending(): void {
  if (pending.size === 0) return;
  const states = [...pending.values()].map((task) => [task.id, newest(task)] as const);
  followed.value = new Map([...followed.value, ...states]);
  pending.clear();
}

/** Answers of calls and what the stream tells may overtake each other. */
function newest(task: TaskInfo): TaskInfo {
  const known = followed.value.get(task.id);
  return known !== undefined && isNewer(known, task) ? known : task;
}

/** Hidden pages have no animation frames, and go on counting. */
const FRAME_MS = 100;

/** The next of those that are older than all that are shown. */
export async function loadOlder(): Promise<void> {
  if (isLoadingOlder.value) return;
  isLoadingOlder.value = true;
  try {
    // The first pages are what is followed anyway.
    while (!(await loadPage()) && hasOlder.value);
  } catch (error) {
    loadFailure.value = messageOf(error);
  } finally {
    isLoadingOlder.value = false;
  }
}

/** Whether there was anything on it that is not shown already. */
async function loadPage(): Promise<boolean> {
  const page = await client.list({ limit: 500, cursor: nextCursor.value ?? undefined });
  const fresh = page.tasks.filter(({ id }) => taskWithId(id) === undefined);
  batch(() => {
    older.value = new Map([...older.value, ...fresh.map((task) => [task.id, task] as const)]);
    nextCursor.value = page.nextCursor;
    loadFailure.value = "";
  });
  return fresh.length > 0;
}

/** A task as a call has returned it, before the stream tells of it. */
export function keep(task: TaskInfo): void {
  followed.value = new Map([...followed.value, [task.id, newest(task)]]);
}
