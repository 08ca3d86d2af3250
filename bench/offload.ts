import { BackgroundTaskManager, memoryStore, ToolOffloadMiddleware } from "tool-offload";
import { bareRace } from "./fast-call.ts";
import { fill, UNLIMITED } from "./fill.ts";
import { nanoseconds, type Row, sideBySide } from "./side-by-side.ts";

/** Calls under way at once, in both columns. */
const BATCH = 100;

/** From the timeout to the end of the task, with three events and a result, and how that grows. */
export async function offloadToEnd(): Promise<Row[]> {
  const small = await lifecycle(1_000);
  const large = await lifecycle(1_000_000);
  const fresh = await lifecycle(0);
  const cost = await sideBySide(
    { race: () => racesAtOnce(), fresh, small, large },
    { rounds: 30, repeat: 10 },
  );
  const perCall = (ns: number) => nanoseconds(ns / BATCH);
  return [
    {
      name: "offload → completed",
      detail: `${perCall(cost.fresh)} a task; a bare setTimeout race ${perCall(cost.race)}`,
      ratio: cost.fresh / cost.race,
      limit: 50,
    },
    {
      name: "… with 1,000,000 tasks stored, against 1,000",
      detail: `${perCall(cost.large)} against ${perCall(cost.small)} a task`,
      ratio: cost.large / cost.small,
      limit: 1.5,
    },
  ];
}

/** A batch of calls that are offloaded at once, report progress, and end, in a store of a given size. */
async function lifecycle(stored: number): Promise<() => Promise<void>> {
  const store = memoryStore();
  await fill(store, stored);
  const retention = stored === 0 ? {} : UNLIMITED;
  const tasks = new BackgroundTaskManager({ store, retention });
  const offload = new ToolOffloadMiddleware({ tasks, timeoutMs: 0 });
  return async () => {
    const ends: ((value: { ok: true }) => void)[] = [];
    const start = (user: number) =>
      offload.run({ toolName: "work", input: { a: 1 }, scope: { userId: `u${user}` } }, (_, context) => {
        context.report({ value: 1 });
        return new Promise<{ ok: true }>((resolve) => ends.push(resolve));
      });
    await Promise.all(Array.from({ length: BATCH }, (_, user) => start(user)));
    for (const end of ends) end({ ok: true });
    while ((await tasks.stats()).running > 0) await new Promise((resolve) => setImmediate(resolve));
  };
}

/** As many bare races at once, whose tools end later too. */
async function racesAtOnce(): Promise<void> {
  const ends: ((value: { ok: true }) => void)[] = [];
  const start = () => bareRace(() => new Promise<{ ok: true }>((resolve) => ends.push(resolve)));
  const races = Array.from({ length: BATCH }, start);
  for (const end of ends) end({ ok: true });
  await Promise.all(races);
}
