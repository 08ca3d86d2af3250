import { EventEmitter } from "eventemitter3";
import { type NewTaskEvent, numbered } from "../model/events.ts";
import type { ManagerEvents, ManagerListener } from "../model/manager-events.ts";
import type { TaskHint, TaskStore } from "../model/store.ts";
import { scopeOf, type TaskRecord, toTaskInfo } from "../model/task.ts";
import { invalidInput } from "../values/validate.ts";

/** Tells listeners what has happened, and wakes those who wait for a task. */
export class Notices {
  readonly #emitter = new EventEmitter<Record<string, AnyListener>>();
  readonly #safe = new WeakMap<object, Map<string, AnyListener>>();
  readonly #hinted = new Set<(hint: TaskHint) => void>();
  readonly #store: Pick<TaskStore, "watch">;
  #stopStore: (() => void) | undefined;

  constructor(store: Pick<TaskStore, "watch">) {
    this.#store = store;
  }

  on<Name extends keyof ManagerEvents>(name: Name, listener: ManagerListener<Name>): void {
    this.#emitter.on(name, this.#guarded(name, listener as AnyListener));
  }

  once<Name extends keyof ManagerEvents>(name: Name, listener: ManagerListener<Name>): void {
    this.#emitter.once(name, this.#guarded(name, listener as AnyListener));
  }

  off<Name extends keyof ManagerEvents>(name: Name, listener: ManagerListener<Name>): void {
    this.#emitter.off(name, this.#guarded(name, listener as AnyListener));
  }

  /** Whether anybody listens. */
  emit<Name extends keyof ManagerEvents>(name: Name, notice: ManagerEvents[Name]): boolean {
    return this.#emitter.emit(name, notice);
  }

  /** Makes known what was written. Unless `firstSeq` says otherwise, `events` are the newest of `record`. */
  publish(
    record: TaskRecord,
    events: readonly NewTaskEvent[],
    firstSeq = record.lastSeq - events.length + 1,
  ): void {
    if (this.#emitter.eventNames().length > 0) this.#emitAll(record, events, firstSeq);
    if (this.#hinted.size === 0) return;
    const { id, userId, sessionId, lastSeq, status } = record;
    this.#hint({ id, userId, sessionId, firstSeq, lastSeq, status });
  }

  /** Calls `listener` whenever something may have happened to a task; answers how to stop. */
  onHint(listener: (hint: TaskHint) => void): () => void {
    // The store is asked for hints only while somebody wants them: they cost it something at each write.
    if (this.#hinted.size === 0) this.#stopStore = this.#store.watch?.((hint) => this.#hint(hint));
    this.#hinted.add(listener);
    return () => this.#stopHints(listener);
  }

  #hint(hint: TaskHint): void {
    for (const listener of [...this.#hinted]) listener(hint);
  }

  #stopHints(listener: (hint: TaskHint) => void): void {
    if (this.#hinted.delete(listener) && this.#hinted.size === 0) this.#stopStore?.();
  }

  #emitAll(record: TaskRecord, events: readonly NewTaskEvent[], firstSeq: number): void {
    const scope = scopeOf(record);
    for (const event of numbered(record.id, firstSeq, events)) {
      if (this.#emitter.listenerCount(event.type) > 0) {
        this.#emitter.emit(event.type, { scope, task: toTaskInfo(record), event });
      }
    }
  }

  /** The listener in a form that harms nobody: what it throws, now or later, is an event and no more. */
  #guarded(event: string, listener: AnyListener): AnyListener {
    if (typeof listener !== "function") throw invalidInput("listener", "a function", listener);
    const known = this.#safe.get(listener)?.get(event);
    if (known !== undefined) return known;
    const guarded: AnyListener = async (...values) => {
      try {
        await listener(...values);
      } catch (error) {
        if (event !== "listener.failed") this.emit("listener.failed", { event, error });
      }
    };
    const ofListener = this.#safe.get(listener) ?? new Map<string, AnyListener>();
    this.#safe.set(listener, ofListener.set(event, guarded));
    return guarded;
  }
}

type AnyListener = (...values: unknown[]) => void;
