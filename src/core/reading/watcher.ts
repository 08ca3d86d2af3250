import { checkScope } from "../model/call.ts";
import type { TaskUpdate } from "../model/manager-events.ts";
import type { TaskScope } from "../model/task.ts";
import { WATCH, type WatchOptions } from "../options/query-options.ts";
import { readArgument } from "../values/options.ts";
import { invalidInput } from "../values/validate.ts";
import { endable, readOnce } from "./endable.ts";
import { Watch, type WatchParts } from "./watch.ts";

/** Begins watches, and ends them with the manager. */
export class Watcher {
  readonly #parts: WatchParts;
  readonly #open = new Set<Watch>();
  #isClosed = false;

  constructor(parts: WatchParts) {
    this.#parts = parts;
  }

  watch(scope: TaskScope, options: WatchOptions = {}): AsyncIterable<TaskUpdate> {
    checkScope(scope);
    const settings = readArgument(WATCH, options);
    const { id, after, from } = settings;
    if (id !== undefined && from !== undefined) throw invalidInput("from", "left out with an id", from);
    // An id that was lost on the way here must not widen what is told.
    if (id === undefined && after !== undefined) throw invalidInput("after", "left out without an id", after);
    return readOnce(() => this.#read(new Watch(scope, settings, this.#parts)));
  }

  /** Ends every watch, once it has told what there is. */
  close(): void {
    this.#isClosed = true;
    for (const watch of this.#open) watch.finish();
  }

  #read(watch: Watch): AsyncIterator<TaskUpdate, void> {
    watch.onStop = () => this.#open.delete(watch);
    if (!watch.isOver) this.#open.add(watch);
    if (this.#isClosed) watch.finish();
    return endable(watch.read(), () => watch.stop());
  }
}
