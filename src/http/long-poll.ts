import type { TaskScope } from "../core/model/task.ts";
import { systemClock, Timer } from "../core/time/clock.ts";
import { onAbort } from "../core/values/signals.ts";
import { Refusal } from "./refusal.ts";
import type { Visit } from "./route.ts";

/** What a request waits for. */
export interface Poll<Seen> {
  /** What there is already, which is nothing new. */
  seen: Seen;
  waitMs: number;
  /** Tells of changes, and ends with the signal. */
  changes(signal: AbortSignal): AsyncIterable<unknown>;
  look(): Promise<Seen>;
  isNew(seen: Seen): boolean;
}

/**
 * Looks again whenever something has changed, until there is something new, or the time is over, or the client has gone.
 * Returns what was seen last.
 *
 * @throws a `Refusal` where too many requests of the user wait
 */
export async function lookUntilNew<Seen>(
  { request, waits }: Visit,
  { userId }: TaskScope,
  { seen, waitMs, changes, look, isNew }: Poll<Seen>,
): Promise<Seen> {
  const leave = waits.enter(userId);
  if (leave === undefined) throw new Refusal("too_many_waits");
  const over = new AbortController();
  const stop = onAbort(request.signal, () => over.abort());
  const timer = new Timer(systemClock, () => over.abort(), waitMs).unref();
  if (request.signal.aborted) over.abort();
  let last = seen;
  try {
    for await (const _ of changes(over.signal)) {
      last = await look();
      if (isNew(last)) break;
      await pause(over.signal);
    }
    return last;
  } finally {
    timer.clear();
    stop();
    leave();
  }
}

/** Milliseconds between two looks: many changes come together, and one look sees them all. */
const PAUSE_MS = 250;

async function pause(over: AbortSignal): Promise<void> {
  if (over.aborted) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      timer.clear();
      stop();
      resolve();
    };
    const timer = new Timer(systemClock, done, PAUSE_MS);
    const stop = onAbort(over, done);
  });
}
