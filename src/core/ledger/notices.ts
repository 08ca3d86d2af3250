import { EventEmitter } from "eventemitter3";
import { type NewTaskEvent, numbered } from "../model/events.ts";
import { checkEventName, type ManagerEvents, type ManagerListener } from "../model/manager-events.ts";
import type { SessionHint } from "../model/session-claim.ts";
import { type Damage, hintOf, type StoreHint, type TaskHint, type TaskStore } from "../model/store.ts";
import { scopeOf, type TaskRecord, toTaskInfo } from "../model/task.ts";
import type { InContext, KeepContext } from "../time/async-context.ts";
import { invalidInput } from "../values/validate.ts";
import { warn } from "../values/warn.ts";

/** Tells listeners what has happened, and wakes those who wait for a task. */
export class Notices {
  readonly #emitter = new EventEmitter<Record<string, Guarded>, InContext>();
  readonly #safe = new WeakMap<object, Map<string, Guarded>>();
  /** Those who want the hints of one user, and, under `undefined`, those who want all. */
  readonly #hinted = new Map<string | undefined, Set<HintListener>>();
  readonly #turnHinted = new Set<TurnHintListener>();
  readonly #missed = new Set<() => void>();
  readonly #store: Tellers;
  readonly #keepContext: KeepContext;
  readonly #stopDamage: (() => void) | undefined;
  #stopStore: (() => void) | undefined;
  readonly #warned = new Set<string>();

  constructor(store: Tellers, keepContext: KeepContext) {
    this.#store = store;
    this.#keepContext = keepContext;
    this.#stopDamage = store.onDamage?.((damage) => this.#damaged(damage));
  }

  close(): void {
    this.#stopDamage?.();
  }

  on<Name extends keyof ManagerEvents>(name: Name, listener: ManagerListener<Name>): void {
    this.#emitter.on(name, this.#guarded(name, listener as AnyListener), this.#keepContext());
  }

  once<Name extends keyof ManagerEvents>(name: Name, listener: ManagerListener<Name>): void {
    this.#emitter.once(name, this.#guarded(name, listener as AnyListener), this.#keepContext());
  }

  off<Name extends keyof ManagerEvents>(name: Name, listener: ManagerListener<Name>): void {
    this.#emitter.off(name, this.#guarded(name, listener as AnyListener));
  }

  /** Whether anybody listens. */
  emit<Name extends keyof ManagerEvents>(name: Name, notice: ManagerEvents[Name]): boolean {
    return this.#emitter.emit(name, notice);
  }

  /** The same for what should not go unheard: where nobody listens, a warning says it, once of each event. */
  emitOrWarn<Name extends keyof ManagerEvents>(
    name: Name,
    notice: ManagerEvents[Name],
    say: () => string,
  ): void {
    if (this.emit(name, notice) || this.#warned.has(name)) return;
    this.#warned.add(name);
    warn(say(), `The manager's event "${name}" tells of each; listen to it, and this is not printed.`);
  }

  /** Makes known what was written. Unless `firstSeq` says otherwise, `events` are the newest of `record`. */
  publish(
    record: TaskRecord,
    events: readonly NewTaskEvent[],
    firstSeq = record.lastSeq - events.length + 1,
  ): void {
    if (this.#emitter.eventNames().length > 0) this.#emitAll(record, events, firstSeq);
    if (this.#hinted.size === 0) return;
    this.#hint(hintOf(record, firstSeq));
  }

  /** Calls `listener` whenever something may have happened to a task, of this user or of any. Returns how to stop. */
  onHint(listener: HintListener, userId?: string): () => void {
    this.#watchStore();
    const listeners = this.#hinted.get(userId) ?? new Set();
    this.#hinted.set(userId, listeners.add(listener));
    return () => this.#stopHints(listener, userId);
  }

  /** Calls `listener` whenever something may have happened to a session's turn. Returns how to stop. */
  onTurnHint(listener: TurnHintListener): () => void {
    this.#watchStore();
    this.#turnHinted.add(listener);
    return () => {
      this.#turnHinted.delete(listener);
      this.#stopIfUnwanted();
    };
  }

  /**
   * Calls `listener` when hints may have been missed, as the store had none for a while. It asks for no hints by itself.
   * Returns how to stop.
   */
  onMissed(listener: () => void): () => void {
    this.#missed.add(listener);
    return () => void this.#missed.delete(listener);
  }

  /** The store is asked for hints only while somebody wants them: they cost it something at each write. */
  #watchStore(): void {
    this.#stopStore ??= this.#store.watch?.(
      (hint) => this.#passOn(hint),
      () => this.#tellMissed(),
    );
  }

  #stopIfUnwanted(): void {
    if (this.#hinted.size > 0 || this.#turnHinted.size > 0) return;
    this.#stopStore?.();
    this.#stopStore = undefined;
  }

  #passOn(hint: StoreHint): void {
    if (!("turn" in hint)) this.#hint(hint);
    else for (const listener of [...this.#turnHinted]) listener(hint);
  }

  #tellMissed(): void {
    for (const listener of [...this.#missed]) listener();
  }

  #damaged({ userId, ...damage }: Damage): void {
    const scope = userId === null ? null : { userId };
    const say = () => `A record was set aside, since it is damaged: ${damage.place}: ${damage.reason}`;
    this.emitOrWarn("record.damaged", { scope, ...damage }, say);
  }

  #hint(hint: TaskHint): void {
    for (const listener of [...(this.#hinted.get(hint.userId) ?? [])]) listener(hint);
    for (const listener of [...(this.#hinted.get(undefined) ?? [])]) listener(hint);
  }

  #stopHints(listener: HintListener, userId: string | undefined): void {
    const listeners = this.#hinted.get(userId);
    if (!listeners?.delete(listener) || listeners.size > 0) return;
    this.#hinted.delete(userId);
    this.#stopIfUnwanted();
  }

  #emitAll(record: TaskRecord, events: readonly NewTaskEvent[], firstSeq: number): void {
    const scope = scopeOf(record);
    for (const event of numbered(record.id, firstSeq, events)) {
      if (this.#emitter.listenerCount(event.type) > 0) {
        this.#emitter.emit(event.type, { scope, task: toTaskInfo(record), event, truncated: false });
      }
    }
  }

  /** The listener in a form that harms nobody: what it throws, now or later, is an event and no more. */
  #guarded(event: string, listener: AnyListener): Guarded {
    checkEventName(event);
    if (typeof listener !== "function") throw invalidInput("listener", "a function", listener);
    const known = this.#safe.get(listener)?.get(event);
    if (known !== undefined) return known;
    const failed = (error: unknown) => {
      if (event !== "listener.failed") this.emit("listener.failed", { event, error });
    };
    const guarded: Guarded = async function (...values) {
      try {
        await this(() => listener(...values));
      } catch (error) {
        failed(error);
      }
    };
    const ofListener = this.#safe.get(listener) ?? new Map<string, Guarded>();
    this.#safe.set(listener, ofListener.set(event, guarded));
    return guarded;
  }
}

/** What a store tells by itself. */
type Tellers = Pick<TaskStore, "onDamage" | "watch">;
type HintListener = (hint: TaskHint) => void;
type TurnHintListener = (hint: SessionHint) => void;
type AnyListener = (...values: unknown[]) => void;
/** `this`: the async context in which somebody began to listen. */
type Guarded = (this: InContext, ...values: unknown[]) => void;
