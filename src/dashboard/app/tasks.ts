/** The tasks that the page knows, and how it comes by them. */
import { batch, computed, signal } from "@preact/signals";
import type { TaskInfo, TasksUpdate } from "../../client/index.ts";
import { client, isSignedOut, messageOf } from "./api.ts";

export type Connection = "loading" | "live" | "polling" | "reconnecting" | "signed_out" | "error";

export const connection = signal<Connection>("loading");
export const failure = signal("");

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
  following?.abort();
  following = new AbortController();
  const { signal } = following;
  connection.value = "loading";
  const onState = (state: Connection) => {
    // Nothing is shown yet: that is still loading.
    if (state !== "live" || connection.value !== "loading") connection.value = state;
  };
  try {
    for await (const update of client.watchAll({ signal, onState })) take(update);
  } catch (error) {
    if (signal.aborted) return;
    failure.value = messageOf(error);
    connection.value = isSignedOut(error) ? "signed_out" : "error";
  }
}

/** States that have come since the last frame. What reports often is drawn once. */
const pending = new Map<string, TaskInfo>();

function take(update: TasksUpdate): void {
  if (update.type === "task") {
    if (pending.size === 0) setTimeout(takePending, FRAME_MS);
    pending.set(update.task.id, update.task);
    return;
  }
  pending.clear();
  batch(() => {
    followed.value = new Map(update.tasks.map((task) => [task.id, task]));
    hasMore.value = update.more;
    if (connection.value === "loading") connection.value = "live";
  });
}

function takePending(): void {
  if (pending.size === 0) return;
  followed.value = new Map([...followed.value, ...pending]);
  pending.clear();
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
  const known = followed.value.get(task.id);
  if (
    known &&
    (known.version > task.version || (known.version === task.version && known.lastSeq > task.lastSeq))
  )
    return;
  followed.value = new Map([...followed.value, [task.id, task]]);
}
