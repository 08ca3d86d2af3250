/** What goes out on streams, as server-sent events. */

import type { TaskEvent } from "../../core/model/events.ts";
import type { TasksUpdate } from "../../core/model/tasks-update.ts";

const encoder = new TextEncoder();

/** When a reader comes back, in milliseconds. It is sent at once: no server sends a head before the first bytes. */
export const RETRY = encoder.encode("retry: 1000\n\n");

/** A comment, so that nobody on the way takes the connection for dead. */
export const HEARTBEAT = encoder.encode(":\n\n");

/** Events before the next one are gone. */
export const TRUNCATED = named("truncated", {});

/** Its number is the id by which a reader resumes. */
export function eventBytes(event: TaskEvent): Uint8Array {
  return encoder.encode(`id: ${event.seq}\ndata: ${JSON.stringify(event)}\n\n`);
}

/** An update goes to many readers, and is written once. */
export function updateBytes(update: TasksUpdate): Uint8Array {
  const bytes = written.get(update) ?? writtenOf(update);
  written.set(update, bytes);
  return bytes;
}

const written = new WeakMap<TasksUpdate, Uint8Array>();

function writtenOf(update: TasksUpdate): Uint8Array {
  if (update.type === "task") return named("task", update.task);
  return named("snapshot", { tasks: update.tasks, more: update.more });
}

function named(event: string, data: unknown): Uint8Array {
  return encoder.encode(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}
