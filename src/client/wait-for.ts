import type { TaskResult } from "../core/model/task.ts";
import { mayPass } from "./errors.ts";
import type { Signal } from "./fetch.ts";
import { backoffMs, pause } from "./pause.ts";
import type { Requests } from "./requests.ts";
import { RESULT, TASK } from "./shapes.ts";

/** Waits at the server, again and again, for as long as it takes: a server that is away for a while ends nothing. */
export async function resultOf(
  requests: Requests,
  path: string,
  signal: Signal | undefined,
): Promise<TaskResult> {
  for (let failures = 0; ; ) {
    const askedAt = performance.now();
    try {
      const request = { path: `${path}/result`, query: { waitMs: WAIT_MS }, signal };
      const { status, body } = await requests.ask<TaskResult>(request, { 200: RESULT, 202: TASK });
      if (status === 200) return body;
      failures = 0;
      // A server that is closing, or that knows no waiting.
      if (performance.now() - askedAt < SHORT_MS) await pause(SHORT_MS, signal);
    } catch (error) {
      if (!mayPass(error)) throw error;
      failures += 1;
      await pause(error.retryAfterMs ?? backoffMs(failures, MOST_BACKOFF_MS), signal);
    }
  }
}

const WAIT_MS = 20_000;
const SHORT_MS = 1_000;
const MOST_BACKOFF_MS = 10_000;
