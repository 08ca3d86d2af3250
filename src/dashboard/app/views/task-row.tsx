import { useComputed, useSignal } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";
import type { TaskInfo } from "../../../client/index.ts";
import { addressOf, filters } from "../address.ts";
import { cleanText } from "../clean-text.ts";
import { now } from "../clock.ts";
import { offer } from "../offer.ts";
import { hasEnded, isStopping, statusName } from "../statuses.ts";
import { toStop } from "../stopping.ts";
import { agoText } from "../times.ts";
import { Elapsed } from "./elapsed.tsx";
import { Progress } from "./progress.tsx";

export const ROW_PX = 64;

interface RowProps {
  task: TaskInfo;
  place: number;
  size: number;
  isSelected: boolean;
  onSelect(id: string): void;
}

export function TaskRow({ task, place, size, isSelected, onSelect }: RowProps) {
  const open = (event: MouseEvent) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    onSelect(task.id);
  };
  return (
    <li
      class="row"
      data-status={task.status}
      aria-posinset={place + 1}
      aria-setsize={size}
      ref={(row) => row?.style.setProperty("transform", `translateY(${place * ROW_PX}px)`)}
    >
      <a
        href={addressOf(filters.value, task.id)}
        aria-current={isSelected ? "true" : undefined}
        onClick={open}
      >
        <StatusMark task={task} />
        <span class="summary">{cleanText(task.summary)}</span>
        <Elapsed task={task} />
        <span class="facts">
          <span class="tool">{cleanText(task.toolName)}</span>
          {task.sessionId !== null && <span class="session">{cleanText(task.sessionId)}</span>}
          <Age createdAt={task.createdAt} />
        </span>
        <State task={task} />
      </a>
      {offer.value.cancel && !hasEnded(task) && task.cancel === null && (
        <button
          type="button"
          class="stop"
          aria-label={`Stop ${cleanText(task.summary)}`}
          title="Stop"
          onClick={() => (toStop.value = [task])}
        >
          <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
            <rect x="4" y="4" width="8" height="8" rx="1.5" />
          </svg>
        </button>
      )}
    </li>
  );
}

export function StatusMark({ task }: { task: TaskInfo }) {
  return (
    <i class="mark" data-status={task.status}>
      <span class="unseen">{isStopping(task) ? "Stopping" : statusName(task.status)}: </span>
    </i>
  );
}

function State({ task }: { task: TaskInfo }) {
  if (task.status === "failed" && task.error) return <span class="why">{cleanText(task.error.message)}</span>;
  if (isStopping(task)) return <span class="word">Stopping…</span>;
  if (task.status === "running" && task.progress) return <Progress progress={task.progress} />;
  return <span class="word">{statusName(task.status)}</span>;
}

/** Only its text changes with time. */
function Age({ createdAt }: { createdAt: number }) {
  const at = useSignal(createdAt);
  useLayoutEffect(() => {
    at.value = createdAt;
  }, [at, createdAt]);
  return <span class="age">{useComputed(() => agoText(at.value, now.value))}</span>;
}
