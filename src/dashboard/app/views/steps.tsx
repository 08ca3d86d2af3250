import { cleanText } from "../clean-text.ts";
import { clockText } from "../times.ts";
import type { Step } from "../watched.ts";

const NAMES: Record<string, string> = {
  "task.queued": "Queued",
  "task.started": "Started",
  "task.cancel_requested": "Asked to stop",
  "task.completed": "Completed",
  "task.failed": "Failed",
  "task.cancelled": "Cancelled",
  "follow_up.delivered": "Told to the agent",
  "follow_up.dropped": "Follow-up dropped",
};

/** What became of it, in the order in which it happened. */
export function Steps({ steps }: { steps: readonly Step[] }) {
  return (
    <section>
      <h3>Lifecycle</h3>
      <ol class="steps">
        {steps.map((step) => (
          <li key={step.seq} data-type={step.type}>
            <time dateTime={new Date(step.at).toISOString()}>{clockText(step.at)}</time>
            <span>{NAMES[step.type] ?? step.type}</span>
            {"reason" in step && step.reason && <span class="hint">{cleanText(step.reason)}</span>}
            {"mayStillRun" in step && step.mayStillRun && <span class="hint">it may still run</span>}
          </li>
        ))}
      </ol>
    </section>
  );
}
