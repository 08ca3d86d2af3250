import type { TaskResult } from "../core/model/task.ts";
import { hasEnded } from "./ended.ts";
import { mayPass } from "./errors.ts";
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
  for (let failures = 0; ; ) {
    try {
      const result = await requests.ask<TaskResult>(
        { path, query: { waitMs: WAIT_MS }, signal, tries: 1 },
        RESULT,
      );
      if (hasEnded(result.status)) return result;
      failures = 0;
      // A server that is closing does not wait.
      await pause(REST_MS, signal);
    } catch (error) {
      if (!mayPass(error)) throw error;
      failures += 1;
      await pause(error.retryAfterMs ?? backoffMs(failures), signal);
    }
  }
}

const WAIT_MS = 20_000;
const REST_MS = 1_000;
