import { checkScope } from "../model/call.ts";
import type { TaskScope } from "../model/task.ts";
import type { TasksUpdate } from "../model/tasks-update.ts";
import { WATCH_ALL, type WatchAllOptions } from "../options/query-options.ts";
import { readArgument } from "../values/options.ts";
import { onAbort } from "../values/signals.ts";
import { endable, readOnce } from "./endable.ts";
import type { StateReader } from "./state-reader.ts";
import { UserWatch, type UserWatchParts } from "./user-watch.ts";

/** The watches of users: each is there while anybody reads it. */
export class UserWatches {
  readonly #parts: UserWatchParts;
  readonly #watches = new Map<string, UserWatch>();
  readonly #readers = new Set<StateReader>();
  #isClosed = false;

  constructor(parts: UserWatchParts) {
    this.#parts = parts;
  }

  watchAll(scope: TaskScope, options: WatchAllOptions = {}): AsyncIterable<TasksUpdate> {
    checkScope(scope);
    const { signal } = readArgument(WATCH_ALL, options);
    const { userId, sessionId } = scope;
    return readOnce(() => this.#read({ userId, sessionId }, signal));
  }

  /** Ends every reading, once it has told what there is. */
  close(): void {
    this.#isClosed = true;
    for (const reader of this.#readers) reader.finish();
    for (const watch of this.#watches.values()) watch.end();
  }

  #read(scope: TaskScope, signal: AbortSignal | undefined): AsyncIterator<TasksUpdate, void> {
    const watch = this.#watches.get(scope.userId) ?? new UserWatch(scope.userId, this.#parts);
    this.#watches.set(scope.userId, watch);
    const reader = watch.join(scope);
    this.#readers.add(reader);
    if (this.#isClosed) reader.finish();
    let stopSignal: (() => void) | undefined;
    const end = () => {
      stopSignal?.();
      this.#end(scope, watch, reader);
    };
    stopSignal = signal && onAbort(signal, end);
    if (signal?.aborted) end();
    return endable(reader.read(), end);
  }

  #end(scope: TaskScope, watch: UserWatch, reader: StateReader): void {
    reader.stop();
    if (!this.#readers.delete(reader)) return;
    watch.leave(scope, reader);
    if (!watch.isUnread || this.#watches.get(scope.userId) !== watch) return;
    this.#watches.delete(scope.userId);
    watch.end();
  }
}
