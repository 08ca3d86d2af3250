import pTimeout from "p-timeout";
import type { Execution } from "../calls/execution.ts";
import { viewBy } from "../model/make-view.ts";
import { type StoredResult, storeResult } from "../model/result.ts";
import { storeWithView } from "../model/stored-view.ts";
import { type ResultView, textsOf, viewText } from "../model/view.ts";
import { type Clock, timersOf } from "../time/clock.ts";
import { mcpFailure, NO_REASON } from "../values/blocks.ts";

/** What is kept of what a tool has returned. */
export interface Kept {
  /** With what it shows the model of it. */
  result?: StoredResult;
  /** It says that the tool has failed: what it shows of that, and nothing else. */
  failure?: string;
}

/** `undefined`: it has returned nothing, yet or at all. */
export async function keptOf(
  { outcome, call, restartState }: Execution,
  terms: KeptTerms,
): Promise<Kept | undefined> {
  if (!outcome?.ok) return undefined;
  const { value } = outcome;
  const tool = call.view ?? restartState?.view;
  const view = tool && (await inTime(viewBy(tool, value), terms).catch(() => textsOf(value)));
  const failure = mcpFailure(value);
  if (failure !== undefined) return { failure: view === undefined ? failure : reasonIn(view) };
  const { maxResultBytes } = terms;
  const isPlain = view === undefined;
  return {
    result: isPlain ? storeResult(value, maxResultBytes) : storeWithView(value, view, maxResultBytes),
  };
}

function reasonIn(view: ResultView): string {
  return viewText(view.filter(({ type }) => type === "text")) || NO_REASON;
}

interface KeptTerms {
  readonly maxResultBytes: number;
  readonly clock: Clock;
  /** Aborts when there is no more time for a view; asked for where there is one. */
  closing(): AbortSignal;
}

/** Milliseconds that a tool has to show its result. */
const VIEW_MS = 5_000;

/** A view that does not come must not lose the result. @throws where it has not come */
function inTime(view: Promise<ResultView | undefined>, { clock, closing }: KeptTerms) {
  return pTimeout(view, { milliseconds: VIEW_MS, signal: closing(), customTimers: timersOf(clock) });
}
