import { EventEmitter } from "eventemitter3";
import { type NewTaskEvent, numbered, type TaskEvent } from "../model/events.ts";
import type { Limit, TaskHint, TaskStore } from "../model/store.ts";
import { scopeOf, type TaskInfo, type TaskRecord, type TaskScope, toTaskInfo } from "../model/task.ts";
import { invalidInput } from "../values/validate.ts";
import type { StoreFailure } from "./store-gateway.ts";

/** A task event as listeners get it. */
export interface TaskNotice {
  scope: TaskScope;
  task: TaskInfo;
  event: TaskEvent;
}

/** What `on`, `once` and `off` know, and what listeners get. Task events are those this process has written. */
export type ManagerEvents = {
  [Type in TaskEvent["type"]]: TaskNotice & { event: Extract<TaskEvent, { type: Type }> };
} & {
  /** A slow call met a limit and stays in the foreground until it ends or a place frees. */
  "offload.refused": {
    scope: TaskScope;
    toolName: string;
    toolCallId: string | null;
    limit: Limit | "running";
  };
  /** The store failed or did not answer in time. */
  "store.failed": StoreFailure;
  /** A turn with follow-ups failed, or took too long. They are delivered again, or dropped as `exhausted`. */
  "delivery.failed": { scope: TaskScope; taskIds: readonly string[]; error: unknown };
  /** A session has had all the automatic turns it may have until `userSpoke`. What completes stays pending. */
  "session.held": { scope: TaskScope; turns: number };
  /** A `TimeoutPolicy` threw, or answered no duration. */
  "policy.failed": { toolName: string; error: unknown };
  /** A listener threw or rejected. That of a listener to this event is dropped. */
  "listener.failed": { event: string; error: unknown };
};

export type ManagerListener<Name extends keyof ManagerEvents> = (notice: ManagerEvents[Name]) => void;

type AnyListener = (...values: unknown[]) => void;

/** Tells listeners what has happened, and wakes those who wait for a task. */
export class Hub {
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
