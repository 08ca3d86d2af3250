import type { SnapshotUpdate, StateUpdate, TasksUpdate } from "../model/tasks-update.ts";

/**
 * One reader of states. What it has not read yet is the newest snapshot and the newest state of each task since: one who is
 * slow, and falls too far behind, is given a snapshot instead.
 */
export class StateReader implements AsyncIterator<TasksUpdate, void> {
  readonly #askForSnapshot: () => void;
  readonly #states = new Map<string, StateUpdate>();
  #snapshot: SnapshotUpdate | undefined;
  #stage: "behind" | "waiting" | "following" = "behind";
  #isFinishing = false;
  #isOver = false;
  #sleepers: (() => void)[] = [];
  /** Nobody reads on. It is called once. */
  onStop: () => void = () => undefined;

  /** `askForSnapshot`: states that are given from then on are those of the snapshot, or newer. */
  constructor(askForSnapshot: () => void) {
    this.#askForSnapshot = askForSnapshot;
  }

  give(state: StateUpdate): void {
    // Until its snapshot is there, that will tell of it.
    if (this.#stage !== "following") return;
    this.#states.set(state.task.id, state);
    if (this.#states.size > MOST_KEPT) this.#fallBehind();
    this.#wake();
  }

  giveSnapshot(snapshot: SnapshotUpdate): void {
    // One who does not read has no use for it, and is given another later.
    if (this.#stage === "behind") return;
    this.#stage = "following";
    this.#snapshot = snapshot;
    this.#states.clear();
    this.#wake();
  }

  stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#fallBehind();
    this.#wake();
    this.onStop();
  }

  /** Tells what there still is to tell, and ends. */
  finish(): void {
    this.#isFinishing = true;
    this.#wake();
  }

  /** Many read, and often: where there is something to tell, a step costs one promise. */
  next(): Promise<IteratorResult<TasksUpdate, void>> {
    const value = this.#take();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    if (this.#isOver || this.#isFinishing) return this.return();
    return this.#sleep().then(() => this.next());
  }

  return(): Promise<IteratorReturnResult<void>> {
    this.stop();
    return Promise.resolve({ done: true, value: undefined });
  }

  #take(): TasksUpdate | undefined {
    const snapshot = this.#snapshot;
    this.#snapshot = undefined;
    if (snapshot !== undefined) return snapshot;
    const [state] = this.#states.values();
    if (state !== undefined) this.#states.delete(state.task.id);
    return state;
  }

  #fallBehind(): void {
    this.#stage = "behind";
    this.#snapshot = undefined;
    this.#states.clear();
  }

  #wake(): void {
    const sleepers = this.#sleepers;
    this.#sleepers = [];
    for (const wake of sleepers) wake();
  }

  #sleep(): Promise<void> {
    return new Promise((resolve) => {
      this.#sleepers.push(resolve);
      if (this.#stage !== "behind") return;
      this.#stage = "waiting";
      this.#askForSnapshot();
    });
  }
}

/** States of different tasks that are kept for one who does not read. */
const MOST_KEPT = 1_000;
