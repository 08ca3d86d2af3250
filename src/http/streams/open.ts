/** Streams, from their first bytes to whatever ends them. */

import type { TaskScope } from "../../core/model/task.ts";
import { systemClock, Timer } from "../../core/time/clock.ts";
import { onAbort } from "../../core/values/signals.ts";
import { Refusal } from "../refusal.ts";
import type { StreamAnswer } from "../response.ts";
import type { Visit } from "../route.ts";
import { StreamBody } from "./body.ts";
import { RETRY } from "./sse.ts";

/**
 * Opens a stream, in which `follow` writes until it resolves, or until the body is over: then everything it holds must be
 * let go of. A store that fails ends it, and the reader comes back.
 *
 * @throws a `Refusal` where the user has too many
 */
export function openStream(
  visit: Visit,
  scope: TaskScope,
  follow: (body: StreamBody) => Promise<void>,
): StreamAnswer {
  const { request, openStreams, streams, onError } = visit;
  if (request.method === "HEAD" || streams === false) return { status: 200, stream: null };
  const leave = openStreams.enter(scope.userId);
  if (leave === undefined) throw new Refusal("too_many_streams");
  const body = new StreamBody();
  onAbort(body.over, leave);
  endWithin(streams.lifetimeMs, body);
  beatEvery(streams.heartbeatMs, body);
  endWith(request.signal, body);
  body.write(RETRY);
  if (!body.over.aborted) {
    follow(body)
      .catch((error) => body.over.aborted || onError(error, request))
      .finally(() => body.finish());
  }
  return { status: 200, stream: body.stream };
}

function endWith(signal: AbortSignal, body: StreamBody): void {
  onAbort(
    body.over,
    onAbort(signal, () => body.cut()),
  );
  if (signal.aborted) body.cut();
}

/** Not all at once, where many have come at once. */
function endWithin(ms: number, body: StreamBody): void {
  const timer = new Timer(systemClock, () => body.cut(), ms * (1 - JITTER * Math.random())).unref();
  onAbort(body.over, () => timer.clear());
}

const JITTER = 0.2;

function beatEvery(ms: number, body: StreamBody): void {
  let timer: Timer | undefined;
  const next = () => {
    timer = new Timer(systemClock, beat, ms).unref();
  };
  const beat = () => {
    body.beat();
    if (!body.over.aborted) next();
  };
  next();
  onAbort(body.over, () => timer?.clear());
}
