import { checkScope } from "../model/call.ts";
import type { TaskScope } from "../model/task.ts";
import type { TasksUpdate } from "../model/tasks-update.ts";
import { WATCH_ALL, type WatchAllOptions } from "../options/query-options.ts";
import { readArgument } from "../values/options.ts";
import { onAbort } from "../values/signals.ts";
import { readOnce } from "./endable.ts";
import { UserWatch, type UserWatchParts } from "./user-watch.ts";

/** The watches of users: each is there while anybody reads it. */
export class UserWatches {
  readonly #parts: UserWatchParts;
  readonly #watches = new Map<string, UserWatch>();
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
    for (const watch of this.#watches.values()) void watch.finish();
  }

  #read(scope: TaskScope, signal: AbortSignal | undefined): AsyncIterator<TasksUpdate, void> {
    const watch = this.#watches.get(scope.userId) ?? new UserWatch(scope.userId, this.#parts);
    this.#watches.set(scope.userId, watch);
    const reader = watch.join(scope);
    const stopSignal = signal && onAbort(signal, () => reader.stop());
    reader.onStop = () => {
      stopSignal?.();
      watch.leave(scope, reader);
      if (watch.isUnread) this.#end(scope.userId, watch);
    };
    if (signal?.aborted) reader.stop();
    if (this.#isClosed) reader.finish();
    return reader;
  }

  #end(userId: string, watch: UserWatch): void {
    this.#watches.delete(userId);
    watch.end();
  }
}
