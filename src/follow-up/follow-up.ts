import type { TaskInfo, TaskResult } from "../core/model/task.ts";
import type { ResultView } from "../core/model/view.ts";

/** One result on its way back. */
export interface FollowUp {
  /**
   * The task's id. Delivery is at least once: a host that remembers the ids it has taken in loses nothing
   * and repeats nothing.
   */
  id: string;
  /** The task as it ended. What the host gave with the call stands in `task.metadata`. */
  task: TaskInfo;
  /** For the host: what the tool returned, as it is. */
  result: TaskResult;
  /** What the model is shown in place of its value, where the tool has a view of its own. */
  view?: ResultView | undefined;
  /** 1 at the first delivery. */
  attempt: number;
  /**
   * Random, for the marker of the message alone: by it the library knows that the message is its own. Show it to
   * nobody before. Tasks of 0.1.0 have none.
   */
  word?: string | undefined;
}
