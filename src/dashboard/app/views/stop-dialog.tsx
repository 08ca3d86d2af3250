import { useSignal } from "@preact/signals";
import type { TaskInfo } from "../../../client/index.ts";
import { cleanText } from "../clean-text.ts";
import { type Stopped, stopAll, toStop } from "../stopping.ts";
import { Dialog } from "./dialog.tsx";

export function StopDialog() {
  return toStop.value && <StopQuestion tasks={toStop.value} />;
}

function StopQuestion({ tasks }: { tasks: readonly TaskInfo[] }) {
  const reason = useSignal("");
  const stopped = useSignal<Stopped | undefined>(undefined);
  const close = () => (toStop.value = undefined);
  const stop = async (event: SubmitEvent) => {
    event.preventDefault();
    if (stopped.value) return;
    const onStep = (step: Stopped) => (stopped.value = step);
    onStep({ done: 0, failures: [] });
    const { failures } = await stopAll(tasks, reason.value.trim(), onStep);
    // Who has closed it already may be asked about others by now.
    if (failures.length === 0 && toStop.value === tasks) close();
  };
  const [first] = tasks;
  const isOne = tasks.length === 1 && first !== undefined;
  return (
    <Dialog title={isOne ? "Stop this task?" : `Stop ${tasks.length} tasks?`} onClose={close}>
      <form onSubmit={(event) => void stop(event)}>
        <p>
          {isOne ? cleanText(first.summary) : "All loaded tasks that match the filters and have not ended."}
        </p>
        <label>
          <span>
            Reason<span class="hint">, if any</span>
          </span>
          <input
            value={reason.value}
            maxLength={500}
            disabled={stopped.value !== undefined}
            onInput={({ currentTarget }) => (reason.value = currentTarget.value)}
          />
        </label>
        {stopped.value && <Progress stopped={stopped.value} of={tasks.length} />}
        <p class="actions">
          <button type="button" onClick={close}>
            {stopped.value ? "Close" : "Keep running"}
          </button>
          <button type="submit" class="danger" disabled={stopped.value !== undefined}>
            {isOne ? "Stop" : `Stop ${tasks.length} tasks`}
          </button>
        </p>
      </form>
    </Dialog>
  );
}

function Progress({ stopped: { done, failures }, of }: { stopped: Stopped; of: number }) {
  return (
    <div role="status">
      {of > 1 && (
        <p>
          {done} of {of}
        </p>
      )}
      {failures.length > 0 && (
        <p class="notice">
          {of > 1 && `${failures.length} could not be stopped: `}
          {failures[0]}
        </p>
      )}
    </div>
  );
}
