import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { select, selected } from "../address.ts";
import { shown } from "../matching.ts";
import { hasOlder, isLoadingOlder, loadOlder } from "../tasks.ts";
import { ROW_PX, TaskRow } from "./task-row.tsx";

/** Draws the rows that can be seen, and a few around them: there may be thousands. */
export function TaskList() {
  const box = useRef<HTMLDivElement>(null);
  const top = useSignal(0);
  const height = useSignal(1_000);
  const first = useComputed(() => Math.max(0, Math.floor(top.value / ROW_PX) - AROUND));
  const count = useComputed(() => Math.ceil(height.value / ROW_PX) + 2 * AROUND);

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(() => (height.value = element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, [height]);

  const all = shown.value;
  const rows = all.slice(first.value, first.value + count.value);
  return (
    <div
      class="scroller"
      ref={box}
      onScroll={({ currentTarget }) => (top.value = currentTarget.scrollTop)}
      onKeyDown={moveFocus}
    >
      <ul
        class="rows"
        aria-label={`${all.length} tasks`}
        ref={(list) => list?.style.setProperty("height", `${all.length * ROW_PX}px`)}
      >
        {rows.map((task, index) => (
          <TaskRow
            key={task.id}
            task={task}
            place={first.value + index}
            size={all.length}
            isSelected={task.id === selected.value}
            onSelect={select}
          />
        ))}
      </ul>
      {hasOlder.value && (
        <button type="button" class="older" disabled={isLoadingOlder.value} onClick={() => void loadOlder()}>
          {isLoadingOlder.value ? "Loading…" : "Load older tasks"}
        </button>
      )}
    </div>
  );
}

const AROUND = 6;

/** Arrows go from row to row, also to rows that are not drawn yet. */
function moveFocus(event: KeyboardEvent & { currentTarget: HTMLElement }): void {
  const step = { ArrowDown: 1, ArrowUp: -1, Home: -1e9, End: 1e9 }[event.key];
  const row = (event.target as HTMLElement).closest("li");
  if (step === undefined || row === null) return;
  event.preventDefault();
  const scroller = event.currentTarget;
  const place = Math.min(shown.value.length - 1, Math.max(0, Number(row.ariaPosInSet) - 1 + step));
  scrollTo(scroller, place);
  requestAnimationFrame(() => requestAnimationFrame(() => focusRow(scroller, place)));
}

function scrollTo(scroller: HTMLElement, place: number): void {
  const top = place * ROW_PX;
  if (top < scroller.scrollTop) scroller.scrollTop = top;
  const over = top + ROW_PX - scroller.clientHeight;
  if (over > scroller.scrollTop) scroller.scrollTop = over;
}

function focusRow(scroller: HTMLElement, place: number): void {
  scroller.querySelector<HTMLElement>(`li[aria-posinset="${place + 1}"] a`)?.focus({ preventScroll: true });
}
