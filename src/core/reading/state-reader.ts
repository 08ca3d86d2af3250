import type { TaskInfo } from "../model/task.ts";
import type { TasksSnapshot, TasksUpdate } from "../model/tasks-update.ts";

/**
 * One reader of states. What it has not read yet is the newest snapshot and the newest state of each task since: one who is
 * slow, and falls too far behind, is given a snapshot instead.
 */
export class StateReader {
  readonly #askForSnapshot: () => void;
  readonly #states = new Map<string, TaskInfo>();
  #snapshot: TasksSnapshot | undefined;
  #stage: "behind" | "waiting" | "following" = "behind";
  #isFinishing = false;
  #isOver = false;
  #wake: () => void = () => undefined;

  /** `askForSnapshot`: states that are given from then on are those of the snapshot, or newer. */
  constructor(askForSnapshot: () => void) {
    this.#askForSnapshot = askForSnapshot;
  }

  give(task: TaskInfo): void {
    // Until its snapshot is there, that will tell of it.
    if (this.#stage !== "following") return;
    this.#states.set(task.id, task);
    if (this.#states.size > MOST_KEPT) this.#fallBehind();
    this.#wake();
  }

  giveSnapshot(snapshot: TasksSnapshot): void {
    // One who does not read has no use for it, and is given another later.
    if (this.#stage === "behind") return;
    this.#stage = "following";
    this.#snapshot = snapshot;
    this.#states.clear();
    this.#wake();
  }

  stop(): void {
    this.#isOver = true;
    this.#wake();
  }

  /** Tells what there still is to tell, and ends. */
  finish(): void {
    this.#isFinishing = true;
    this.#wake();
  }

  async *read(): AsyncGenerator<TasksUpdate, void> {
    while (!this.#isOver) {
      const update = this.#next();
      if (update !== undefined) yield update;
      else if (this.#isFinishing) return;
      else await this.#sleep();
    }
  }

  #next(): TasksUpdate | undefined {
    const snapshot = this.#snapshot;
    this.#snapshot = undefined;
    if (snapshot !== undefined) return { type: "snapshot", ...snapshot };
    const [task] = this.#states.values();
    if (task === undefined) return undefined;
    this.#states.delete(task.id);
    return { type: "task", task };
  }

  #fallBehind(): void {
    this.#stage = "behind";
    this.#snapshot = undefined;
    this.#states.clear();
  }

  #sleep(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (this.#stage !== "behind") return;
      this.#stage = "waiting";
      this.#askForSnapshot();
    });
  }
}

/** States of different tasks that are kept for one who does not read. */
const MOST_KEPT = 1_000;
