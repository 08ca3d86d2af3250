import type { ChangedTask, Changes } from "../model/changes.ts";
import { isOutstanding } from "../model/follow-up.ts";
import { isFinished } from "../model/task.ts";
import type { Asked } from "./watched-tasks.ts";

/** Who follows the tasks of a user. */
export interface UserListener {
  /** A look has found a task that is new, or further than the look before has found it. */
  moved(task: ChangedTask, before: ChangedTask | undefined): void;
}

/**
 * The tasks of a user that may still change, as looks have found them: one for all who follow this user. Each begins with
 * a look of its own, so that it is told what has changed since then, and nothing else.
 */
export class UserTasks {
  readonly userId: string;
  /** A look at it is wanted. */
  isDue = true;
  readonly #known = new Map<string, ChangedTask>();
  readonly #ready = new Set<UserListener>();
  #joining = new Set<UserListener>();
  #since: number | null = null;

  constructor(userId: string) {
    this.userId = userId;
  }

  get isFollowed(): boolean {
    return this.#ready.size + this.#joining.size > 0;
  }

  join(listener: UserListener): void {
    this.#joining.add(listener);
    this.isDue = true;
  }

  leave(listener: UserListener): void {
    this.#ready.delete(listener);
    this.#joining.delete(listener);
  }

  /** The last event of a task that this listener need not be told of; `undefined`: that cannot be known yet. */
  seqAtStart(listener: UserListener, id: string): number | undefined {
    return this.#ready.has(listener) ? (this.#known.get(id)?.lastSeq ?? 0) : undefined;
  }

  /** What the next look asks, and what becomes of its answer. */
  look(): Asked {
    const starting = this.#joining;
    this.#joining = new Set();
    this.isDue = false;
    const goOn = () => {
      for (const listener of starting) this.#joining.add(listener);
      this.isDue = true;
    };
    return {
      query: { userId: this.userId, known: [...this.#known.values()], since: this.#since },
      told: (changes) => {
        this.#note(changes);
        // What is known now is told no more: the rest comes with the next.
        if (changes.more) goOn();
        else this.#looked(changes.next, starting);
      },
      failed: goOn,
    };
  }

  #note({ tasks, gone }: Changes): void {
    for (const task of tasks) {
      const before = this.#known.get(task.id);
      this.#known.set(task.id, task);
      for (const listener of this.#ready) listener.moved(task, before);
    }
    for (const id of gone) this.#known.delete(id);
  }

  #looked(next: number, starting: ReadonlySet<UserListener>): void {
    const since = Math.max(this.#since ?? next, next);
    this.#since = since;
    for (const task of this.#known.values()) if (isOver(task, since)) this.#known.delete(task.id);
    for (const listener of starting) this.#ready.add(listener);
  }
}

/** No look will find it again. */
function isOver({ status, followUp, endedAt }: ChangedTask, since: number): boolean {
  const isLive = !isFinished(status) || isOutstanding({ status: followUp });
  return !isLive && (endedAt ?? since) < since;
}
