import type { TaskInfo } from "../../../client/index.ts";
import { cleanText } from "../clean-text.ts";

/** A bar where the whole is known, a number where it is not, and what the tool says of it. */
export function Progress({ progress }: { progress: NonNullable<TaskInfo["progress"]> }) {
  const { value, total, message } = progress;
  const part =
    value !== undefined && total !== undefined && total > 0
      ? Math.min(1, Math.max(0, value / total))
      : undefined;
  return (
    <span class="progress">
      {message !== undefined && <span class="message">{cleanText(message)}</span>}
      {part !== undefined && <Bar part={part} />}
      {part === undefined && value !== undefined && <span class="value">{value.toLocaleString()}</span>}
    </span>
  );
}

function Bar({ part }: { part: number }) {
  const percent = Math.floor(part * 100);
  return (
    <>
      <progress max={100} value={percent} aria-label="Progress" />
      <span class="value">{percent} %</span>
    </>
  );
}
