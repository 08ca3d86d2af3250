import pTimeout from "p-timeout";
import { BackgroundTaskManager, ToolOffloadMiddleware } from "tool-offload";
import { nanoseconds, type Row, sideBySide } from "./side-by-side.ts";

const TIMEOUT_MS = 10_000;

/** What a wrapped call that finishes at once costs, beside other ways to bound it. */
export async function fastCall(): Promise<Row[]> {
  const offload = new ToolOffloadMiddleware({ tasks: new BackgroundTaskManager(), timeoutMs: TIMEOUT_MS });
  const { signal } = new AbortController();
  const scope = { userId: "u1", sessionId: "s1" };
  const input = { a: 1 };
  const tool = async ({ a }: { a: number }) => a + 1;
  const withSignal = async ({ a }: { a: number }, own: AbortSignal) => (own.aborted ? 0 : a + 1);
  let id = 0;

  const cost = await sideBySide(
    {
      bare: () => tool(input),
      race: () => bareRace(() => tool(input)),
      run: () => offload.run({ toolName: "add", input, scope }, tool),
      withId: () => offload.run({ toolName: "add", input, scope, toolCallId: `call_${++id}` }, tool),
      withTurn: () => offload.run({ toolName: "add", input, scope, signal }, tool),
      withBoth: () =>
        offload.run({ toolName: "add", input, scope, signal }, (given, { signal: own }) =>
          withSignal(given, own),
        ),
    },
    { rounds: 15, repeat: 50_000 },
  );
  // Apart from the others: each of these signals leaves a timer behind until it fires.
  const others = await sideBySide(
    {
      pTimeout: () => pTimeout(tool(input), { milliseconds: TIMEOUT_MS }),
      abortTimeout: () => withSignal(input, AbortSignal.timeout(TIMEOUT_MS)),
    },
    { rounds: 3, repeat: 20_000 },
  );
  const added = cost.race - cost.bare;
  const row = (name: string, ns: number, limit: number): Row => ({
    name,
    detail: `${nanoseconds(ns - cost.bare)} added; a bare setTimeout race adds ${nanoseconds(added)}`,
    ratio: (ns - cost.bare) / added,
    limit,
  });
  return [
    row("fast call", cost.run, 2.5),
    row("fast call with a turn signal", cost.withTurn, 4.5),
    row("… and a tool that reads its own signal", cost.withBoth, 16),
    row("fast call with a toolCallId", cost.withId, Number.POSITIVE_INFINITY),
    row("for comparison: p-timeout", others.pTimeout, Number.POSITIVE_INFINITY),
    row("for comparison: AbortSignal.timeout", others.abortTimeout, Number.POSITIVE_INFINITY),
  ];
}

/** The least one can write to stop waiting for a promise. */
export function bareRace<T>(tool: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(reject, TIMEOUT_MS);
    tool().then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}
