import type { Notices } from "../ledger/notices.ts";
import type { ChangedTask } from "../model/changes.ts";
import { isNewer, type TaskInfo, type TaskPlace, type TaskScope } from "../model/task.ts";
import { type PacedParts, PacedReads } from "./paced-reads.ts";
import type { Poller } from "./poller.ts";
import { ScopeView } from "./scope-view.ts";
import { StateReader } from "./state-reader.ts";
import type { UserListener, UserTasks } from "./user-tasks.ts";

/** The one watch of a user's tasks, however many read it: each change is read once, and told to all. */
export class UserWatch implements UserListener {
  readonly #userId: string;
  readonly #parts: UserWatchParts;
  /** By their session; `undefined`: all of the user's. */
  readonly #views = new Map<string | undefined, ScopeView>();
  readonly #reads: PacedReads;
  readonly #stopHints: () => void;
  readonly #user: UserTasks;
  /** How far tasks were told that the next look may find. */
  readonly #told = new Map<string, TaskPlace>();

  constructor(userId: string, parts: UserWatchParts) {
    this.#userId = userId;
    this.#parts = parts;
    this.#reads = new PacedReads(userId, parts, (task) => this.#tell(task));
    this.#stopHints = parts.notices.onHint(({ id }) => this.#reads.changed(id), userId);
    this.#user = parts.poller.joinUser(userId, this);
  }

  get isUnread(): boolean {
    return this.#views.size === 0;
  }

  join({ sessionId }: TaskScope): StateReader {
    const view =
      this.#views.get(sessionId) ?? new ScopeView({ userId: this.#userId, sessionId }, this.#parts);
    this.#views.set(sessionId, view);
    const reader: StateReader = new StateReader(() => view.giveSnapshotTo(reader));
    view.join(reader);
    return reader;
  }

  leave({ sessionId }: TaskScope, reader: StateReader): void {
    const view = this.#views.get(sessionId);
    view?.leave(reader);
    if (view?.isEmpty) this.#views.delete(sessionId);
  }

  moved(task: ChangedTask): void {
    const told = this.#told.get(task.id);
    this.#told.delete(task.id);
    if (told === undefined || isNewer(task, told)) this.#reads.changed(task.id);
  }

  /** Tells what there still is to tell, and ends. */
  async finish(): Promise<void> {
    await this.#reads.finish();
    for (const view of this.#views.values()) view.finish();
    this.end();
  }

  end(): void {
    this.#stopHints();
    this.#reads.stop();
    for (const view of this.#views.values()) view.end();
    this.#parts.poller.leaveUser(this.#user, this);
  }

  #tell(task: TaskInfo): void {
    this.#told.set(task.id, task);
    // Whatever a look finds then is told twice, which is no harm.
    if (this.#told.size > MOST_TOLD) this.#told.clear();
    // One object for all: whoever writes it down need not do so twice.
    const state = { type: "task", task } as const;
    for (const view of this.#views.values()) view.tell(state);
  }
}

export interface UserWatchParts extends PacedParts {
  readonly notices: Notices;
  readonly poller: Poller;
}

const MOST_TOLD = 1_000;
