/** Tasks that the user stops, once the user has said so. */
import { signal } from "@preact/signals";
import type { TaskInfo } from "../../client/index.ts";
import { client, messageOf } from "./api.ts";
import { keep } from "./tasks.ts";

/** What is asked about: undefined while nothing is. */
export const toStop = signal<readonly TaskInfo[] | undefined>(undefined);

export interface Stopped {
  done: number;
  failures: readonly string[];
}

/** Asks for a few at a time, so that many do not crowd out everything else. */
export async function stopAll(
  tasks: readonly TaskInfo[],
  reason: string,
  onStep: (stopped: Stopped) => void,
): Promise<Stopped> {
  let stopped: Stopped = { done: 0, failures: [] };
  const waiting = [...tasks];
  const work = async () => {
    for (let task = waiting.shift(); task; task = waiting.shift()) {
      const failure = await stop(task, reason);
      const failures = failure === undefined ? stopped.failures : [...stopped.failures, failure];
      stopped = { done: stopped.done + 1, failures };
      onStep(stopped);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return stopped;
}

const AT_ONCE = 4;

async function stop({ id }: TaskInfo, reason: string): Promise<string | undefined> {
  try {
    keep(await client.cancel(id, reason === "" ? {} : { reason }));
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}
