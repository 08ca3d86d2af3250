import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { TaskInfo } from "../../../client/index.ts";
import { select } from "../address.ts";
import { cleanText } from "../clean-text.ts";
import { offer } from "../offer.ts";
import { hasEnded, isStopping, statusName } from "../statuses.ts";
import { toStop } from "../stopping.ts";
import { attempt, taskWithId } from "../tasks.ts";
import { WatchedTask } from "../watched.ts";
import { Elapsed } from "./elapsed.tsx";
import { Facts } from "./facts.tsx";
import { Output } from "./output.tsx";
import { Progress } from "./progress.tsx";
import { Result } from "./result.tsx";
import { Steps } from "./steps.tsx";

export function Detail({ id }: { id: string }) {
  const watched = useSignal<WatchedTask | undefined>(undefined);
  const heading = useRef<HTMLHeadingElement>(null);
  // Each attempt is one for what is looked at, too.
  const nth = attempt.value;
  useEffect(() => {
    const task = new WatchedTask(id);
    watched.value = task;
    return () => task.close();
  }, [id, nth, watched]);
  const task = taskWithId(id);
  const isShown = task !== undefined;
  useEffect(() => heading.current?.focus({ preventScroll: true }), [isShown]);
  return (
    <section class="detail" aria-label="Task">
      <nav>
        <button type="button" class="quiet back" onClick={() => select("")}>
          <span aria-hidden="true">←</span> All tasks
        </button>
        <span class="space" />
        {task && offer.value.cancel && !hasEnded(task) && (
          <button
            type="button"
            class="danger"
            disabled={isStopping(task)}
            onClick={() => (toStop.value = [task])}
          >
            {isStopping(task) ? "Stopping…" : "Stop"}
          </button>
        )}
        <button type="button" class="quiet close" aria-label="Close" onClick={() => select("")}>
          <span aria-hidden="true">✕</span>
        </button>
      </nav>
      {task && (
        <h2 tabIndex={-1} ref={heading}>
          {cleanText(task.summary)}
        </h2>
      )}
      {task && <State task={task} />}
      {watched.value && <Body watched={watched.value} task={task} />}
    </section>
  );
}

function State({ task }: { task: TaskInfo }) {
  return (
    <p class="state">
      <span class="pill" data-status={task.status}>
        {isStopping(task) ? "Stopping" : statusName(task.status)}
      </span>
      <Elapsed task={task} />
      {task.status === "running" && task.progress && <Progress progress={task.progress} />}
    </p>
  );
}

function Body({ watched, task }: { watched: WatchedTask; task: TaskInfo | undefined }) {
  if (watched.isMissing.value) {
    return <p class="notice">This task is not there any more, or it is not yours.</p>;
  }
  return (
    <>
      {watched.error.value !== "" && (
        <p class="notice" role="alert">
          {watched.error}
        </p>
      )}
      {task?.error && (
        <div class="failure">
          <b>{cleanText(task.error.code)}</b>
          <p>{cleanText(task.error.message)}</p>
        </div>
      )}
      {watched.hasOutput.value && <Output watched={watched} />}
      {watched.result.value && <Result result={watched.result.value} />}
      {task && <Facts task={task} />}
      {watched.steps.value.length > 0 && <Steps steps={watched.steps.value} />}
    </>
  );
}
