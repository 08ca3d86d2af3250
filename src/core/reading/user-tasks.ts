import { type ChangedTask, type Changes, LATELY_MS } from "../model/changes.ts";
import { type FollowUpStatus, isOutstanding } from "../model/follow-up.ts";
import type { TaskHint } from "../model/store.ts";
import { isFinished, type TaskStatus } from "../model/task.ts";
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
  /** Those for whom the look is that is under way. */
  #starting = new Set<UserListener>();
  #since: number | null = null;
  /** The greatest that it was. */
  #furthest = 0;

  constructor(userId: string) {
    this.userId = userId;
  }

  get isFollowed(): boolean {
    return this.#ready.size + this.#joining.size + this.#starting.size > 0;
  }

  join(listener: UserListener): void {
    this.#joining.add(listener);
    this.isDue = true;
  }

  leave(listener: UserListener): void {
    this.#ready.delete(listener);
    this.#joining.delete(listener);
    this.#starting.delete(listener);
  }

  /** The last event of a task that this listener need not be told of; `undefined`: that cannot be known yet. */
  seqAtStart(listener: UserListener, id: string): number | undefined {
    return this.#ready.has(listener) ? (this.#known.get(id)?.lastSeq ?? 0) : undefined;
  }

  /** Whether a hint may be about what had happened before this listener began: only a look can tell. */
  mayBeOld(listener: UserListener, { id, status, followUp }: TaskHint): boolean {
    return this.#ready.has(listener) && !this.#known.has(id) && !isLive(status, followUp);
  }

  /** What the next look asks, and what becomes of its answer. */
  look(): Asked {
    [this.#starting, this.#joining] = [this.#joining, new Set()];
    this.isDue = false;
    return {
      query: { userId: this.userId, known: [...this.#known.values()], since: this.#since },
      told: (changes) => {
        this.#note(changes);
        // What is known now is told no more: the rest comes with the next.
        if (changes.more) this.#lookAgain();
        else this.#looked(changes.next);
      },
      failed: () => this.#lookAgain(),
    };
  }

  #note({ tasks, gone, next }: Changes): void {
    for (const task of tasks) {
      const before = this.#known.get(task.id);
      this.#known.set(task.id, task);
      if (before === undefined && this.#isSetBack && (task.endedAt ?? 0) > next + LATELY_MS) continue;
      for (const listener of this.#ready) listener.moved(task, before);
    }
    for (const id of gone) this.#known.delete(id);
  }

  /** The clock of the store was: what it takes for ended in the future is found again, and had ended before. */
  get #isSetBack(): boolean {
    return this.#since !== null && this.#since < this.#furthest;
  }

  #lookAgain(): void {
    for (const listener of this.#starting) this.#joining.add(listener);
    this.#starting.clear();
    this.isDue = true;
  }

  #looked(since: number): void {
    this.#since = since;
    this.#furthest = Math.max(this.#furthest, since);
    for (const task of this.#known.values()) if (isOver(task, since)) this.#known.delete(task.id);
    for (const listener of this.#starting) this.#ready.add(listener);
    this.#starting.clear();
  }
}

/** No look will find it again. */
function isOver({ status, followUp, endedAt }: ChangedTask, since: number): boolean {
  return !isLive(status, followUp) && (endedAt ?? since) < since;
}

function isLive(status: TaskStatus, followUp: FollowUpStatus): boolean {
  return !isFinished(status) || isOutstanding({ status: followUp });
}
