import type { TaskResult } from "../core/model/task.ts";
import { Connection, LOOK_MS, WAIT_MS } from "./connection.ts";
import { hasEnded } from "./ended.ts";
import { mayPass, type TaskClientError } from "./errors.ts";
import type { Signal } from "./fetch.ts";
import type { Requests } from "./requests.ts";
import { RESULT } from "./shapes.ts";
import { backoffMs, pause } from "./waiting.ts";

/** Waits at the server, again and again, for as long as it takes: a server that is away for a while ends nothing. */
export async function resultOf(
  requests: Requests,
  path: string,
  signal: Signal | undefined,
): Promise<TaskResult> {
  for (let failures = 0; ; failures += 1) {
    const connection = new Connection(signal, undefined);
    // A server that is closing does not wait.
    let restMs: number | undefined = REST_MS;
    try {
      const request = { path, query: { waitMs: WAIT_MS }, ...connection.within(LOOK_MS) };
      const result = await requests.ask<TaskResult>(request, RESULT);
      if (hasEnded(result.status)) return result;
      failures = 0;
    } catch (error) {
      if (!connection.signal.aborted && !mayPass(error)) throw error;
      restMs = (error as TaskClientError).retryAfterMs;
    } finally {
      connection.end();
    }
    await pause(restMs ?? backoffMs(failures), signal);
  }
}

const REST_MS = 1_000;
