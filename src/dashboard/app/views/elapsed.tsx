import { useComputed, useSignal } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";
import type { TaskInfo } from "../../../client/index.ts";
import { now } from "../clock.ts";
import { durationText, elapsedMs } from "../times.ts";

/** Only its text changes with time; nothing around it is drawn anew. */
export function Elapsed({ task }: { task: TaskInfo }) {
  const shown = useSignal(task);
  useLayoutEffect(() => {
    shown.value = task;
  }, [shown, task]);
  const text = useComputed(() => {
    const ms = elapsedMs(shown.value, now.value);
    // What runs is counted by the second.
    return durationText(shown.value.completedAt === null ? Math.floor(ms / 1_000) * 1_000 : ms);
  });
  return <span class="elapsed">{text}</span>;
}
