import pTimeout from "p-timeout";
import type { Execution } from "../calls/execution.ts";
import { type StoredResult, storeResult } from "../model/result.ts";
import { storeWithView } from "../model/stored-view.ts";
import { textsOf, viewBy } from "../model/view.ts";
import { type Clock, timersOf } from "../time/clock.ts";

/** What is kept of what a tool returned, with what it shows the model of it. `undefined`: it has returned nothing. */
export async function keptResult(
  { outcome, call, restartState }: Execution,
  maxBytes: number,
  clock: Clock,
): Promise<StoredResult | undefined> {
  if (!outcome?.ok) return undefined;
  const { value } = outcome;
  const tool = call.view ?? restartState?.view;
  if (tool === undefined) return storeResult(value, maxBytes);
  // A view that does not come must not lose the result.
  const terms = { milliseconds: VIEW_MS, fallback: () => textsOf(value), customTimers: timersOf(clock) };
  const view = await pTimeout(viewBy(tool, value), terms);
  return view === undefined ? storeResult(value, maxBytes) : storeWithView(value, view, maxBytes);
}

/** Milliseconds that a tool has to show its result. */
const VIEW_MS = 5_000;
