import { shown } from "../matching.ts";
import { ROW_PX } from "./task-row.tsx";

const STEPS: Record<string, number> = {
  ArrowDown: 1,
  ArrowUp: -1,
  Home: Number.NEGATIVE_INFINITY,
  End: Number.POSITIVE_INFINITY,
};

/** Arrows go from row to row, also to rows that are not drawn yet. */
export function moveFocus(event: KeyboardEvent & { currentTarget: HTMLElement }): void {
  const step = STEPS[event.key];
  const row = (event.target as HTMLElement).closest("li");
  if (step === undefined || row === null) return;
  event.preventDefault();
  const scroller = event.currentTarget;
  const place = Math.min(shown.value.length - 1, Math.max(0, Number(row.ariaPosInSet) - 1 + step));
  bringIntoView(scroller, place);
  // The first frame hears of the scrolling, the second has drawn the row.
  requestAnimationFrame(() => requestAnimationFrame(() => focusRow(scroller, place)));
}

function bringIntoView(scroller: HTMLElement, place: number): void {
  const top = place * ROW_PX;
  if (top < scroller.scrollTop) scroller.scrollTop = top;
  const over = top + ROW_PX - scroller.clientHeight;
  if (over > scroller.scrollTop) scroller.scrollTop = over;
}

function focusRow(scroller: HTMLElement, place: number): void {
  scroller.querySelector<HTMLElement>(`li[aria-posinset="${place + 1}"] a`)?.focus({ preventScroll: true });
}
