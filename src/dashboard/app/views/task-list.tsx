import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { TaskInfo } from "../../../client/index.ts";
import { select, selected } from "../address.ts";
import { shown } from "../matching.ts";
import { hasOlder, isLoadingOlder, loadFailure, loadOlder } from "../tasks.ts";
import { moveFocus } from "./moving-focus.ts";
import { ROW_PX, TaskRow } from "./task-row.tsx";

/** Draws the rows that can be seen, a few around them, and the one that has the focus: there may be thousands. */
export function TaskList() {
  const box = useRef<HTMLDivElement>(null);
  const top = useSignal(0);
  const height = useSignal(1_000);
  const focused = useSignal("");
  const first = useComputed(() => Math.max(0, Math.floor(top.value / ROW_PX) - AROUND));
  const count = useComputed(() => Math.ceil(height.value / ROW_PX) + 2 * AROUND);
  const all = shown.value;

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(() => {
      height.value = element.clientHeight;
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [height]);
  useSteadyScroll(box, all);

  const isDrawn = (place: number) => place >= first.value && place < first.value + count.value;
  const drawn = all
    .map((task, place) => ({ task, place }))
    .filter(({ task, place }) => isDrawn(place) || task.id === focused.value);
  const noteFocus = ({ target }: FocusEvent) => {
    const place = Number((target as Element).closest("li")?.ariaPosInSet) - 1;
    focused.value = shown.value[place]?.id ?? "";
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it hears of the links in it
    <div
      class="scroller"
      ref={box}
      onScroll={({ currentTarget }) => {
        top.value = currentTarget.scrollTop;
      }}
      onKeyDown={moveFocus}
      onFocusIn={noteFocus}
    >
      <ul
        class="rows"
        aria-label={`${all.length} tasks`}
        ref={(list) => list?.style.setProperty("height", `${all.length * ROW_PX}px`)}
      >
        {drawn.map(({ task, place }) => (
          <TaskRow
            key={task.id}
            task={task}
            place={place}
            size={all.length}
            isSelected={task.id === selected.value}
            onSelect={select}
          />
        ))}
      </ul>
      {loadFailure.value !== "" && (
        <p class="notice" role="alert">
          {loadFailure}
        </p>
      )}
      {hasOlder.value && (
        <button type="button" class="older" disabled={isLoadingOlder.value} onClick={() => void loadOlder()}>
          {isLoadingOlder.value ? "Loading…" : "Load older tasks"}
        </button>
      )}
    </div>
  );
}

const AROUND = 6;

/** What is read stays where it is, whatever comes in above it. */
function useSteadyScroll(box: { current: HTMLElement | null }, all: readonly TaskInfo[]): void {
  const before = useRef(all);
  useLayoutEffect(() => {
    const element = box.current;
    const topmost = element && before.current[Math.floor(element.scrollTop / ROW_PX)];
    const isAtTop = !element || element.scrollTop < ROW_PX;
    if (topmost && !isAtTop && before.current !== all) {
      const was = before.current.indexOf(topmost);
      const is = all.findIndex(({ id }) => id === topmost.id);
      if (is !== -1 && is !== was) element.scrollTop += (is - was) * ROW_PX;
    }
    before.current = all;
  }, [box, all]);
}
