import { describe, expect, test } from "vitest";
import { FollowUpDispatcher } from "../src/follow-up/index.ts";
import { ADA, callOf, gate, inFakeTime, offloaded, pass, sceneOf, soon, stubborn } from "./support/scene.ts";

inFakeTime();

const fail = () => {
  throw new Error("The signal is broken.");
};

/** What stands for a signal in old frameworks and in tests. */
const SIGNALS: [string, () => object][] = [
  ["without removeEventListener", () => ({ aborted: false, addEventListener: () => undefined })],
  [
    "whose removeEventListener throws",
    () => ({ aborted: false, addEventListener: () => undefined, removeEventListener: fail }),
  ],
  [
    "whose addEventListener throws",
    () => ({ aborted: false, addEventListener: fail, removeEventListener: fail }),
  ],
];

describe.each(SIGNALS)("a signal %s", (_what, make) => {
  const signal = make() as AbortSignal;

  test("costs a call nothing, fast or slow", async () => {
    const { offload, tasks } = sceneOf();
    const call = callOf({ signal });
    expect(await soon(offload.run(call, async () => "fast"))).toEqual({ status: "completed", value: "fast" });
    await expect(soon(offload.run(call, fail))).rejects.toThrow("The signal is broken.");
    await offloaded(offload.run(call, stubborn));
    expect((await soon(tasks.start(call, stubborn))).status).toBe("queued");
    const chunks = offload.stream(call, async function* () {
      yield "one";
    });
    for await (const chunk of chunks) expect(chunk).toBe("one");
    await soon(tasks.close({ drainMs: 0 }));
  });

  test("costs who waits or watches nothing", async () => {
    const { tasks } = sceneOf();
    const slow = gate();
    const { id } = await soon(tasks.start(callOf(), () => slow.promise));
    const waiting = tasks.wait(ADA, [id], { signal });
    const seen: string[] = [];
    const watching = (async () => {
      for await (const { event } of tasks.watch(ADA, { id, signal })) seen.push(event.type);
    })();
    await pass(10);
    slow.resolve("done");
    expect(await soon(waiting)).toMatchObject([{ status: "completed" }]);
    await soon(watching);
    expect(seen).toEqual(["task.queued", "task.started", "task.completed"]);
    await soon(tasks.close());
  });

  test("costs a turn nothing", async () => {
    const { tasks } = sceneOf();
    const dispatcher = new FollowUpDispatcher({ tasks, deliver: () => undefined }).start();
    expect(await soon(dispatcher.turn(ADA, () => "said", { signal }))).toBe("said");
    await soon(dispatcher.stop());
    await soon(tasks.close());
  });
});

test("a signal of before there were reasons aborts with one", async () => {
  const { offload, tasks } = sceneOf();
  const aborted = { aborted: true, addEventListener: () => undefined } as unknown as AbortSignal;
  const isAborted = { name: "AbortError" };
  await expect(offload.run(callOf({ signal: aborted }), stubborn)).rejects.toMatchObject(isAborted);
  await expect(tasks.wait(ADA, ["any"], { signal: aborted })).rejects.toMatchObject(isAborted);

  const listeners: (() => void)[] = [];
  const signal = {
    aborted: false,
    addEventListener: (_: string, listener: () => void) => listeners.push(listener),
  };
  const outcome = offload.run(callOf({ signal: signal as never }), stubborn);
  const { id } = await soon(tasks.start(callOf({ input: 2 }), stubborn));
  const waiting = tasks.wait(ADA, [id], { signal: signal as never });
  await pass(10);
  signal.aborted = true;
  for (const listener of listeners) listener();
  await expect(outcome).rejects.toMatchObject(isAborted);
  await expect(waiting).rejects.toMatchObject(isAborted);
  await soon(tasks.close({ drainMs: 0 }));
});

test("a signal that cannot say whether it has aborted fails the call, and is not thrown out of run", async () => {
  const { offload } = sceneOf();
  const signal = {
    addEventListener: () => undefined,
    get aborted() {
      return fail();
    },
  } as unknown as AbortSignal;
  const outcome = offload.run(callOf({ signal }), async () => "never");
  await expect(outcome).rejects.toThrow("The signal is broken.");
});
