import { AsyncLocalStorage } from "node:async_hooks";
import { describe, expect, test } from "vitest";
import { ADA, inFakeTime, pass, soon } from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";
import { hostOf } from "../hosts.ts";
import { complete, MOMENT_MS, type Process, processOf, RETRY_MS } from "../processes.ts";

inFakeTime();

const context = new AsyncLocalStorage<string>();
const as = <T>(who: string, work: () => T): T => context.run(who, work);

describe.each(STORES)("rule 24, on $name", ({ makeStore }) => {
  /** A dispatcher that the host has made, and all that it calls of the host's, with the context of each call. */
  function stage(...scripts: (() => unknown)[]) {
    const seen: [what: string, who: string | undefined][] = [];
    const sees = (what: string) => seen.push([what, context.getStore()]);
    const host = hostOf(({ signal }) => {
      sees("deliver");
      signal.addEventListener("abort", () => sees("abort"));
      return scripts.shift()?.();
    });
    const message = () => {
      sees("message");
      return "late results";
    };
    const process = as("host", () => processOf({ store: makeStore(), host, dispatcher: { message } }));
    return { ...process, seen };
  }

  const turn = [
    ["message", "host"],
    ["deliver", "host"],
  ];

  const wakers: [string, (process: Process) => Promise<unknown>][] = [
    [
      "a task that ends",
      async ({ dispatcher, tasks }) => {
        dispatcher.start();
        await complete(tasks);
      },
    ],
    [
      "its start",
      async ({ dispatcher, tasks }) => {
        await complete(tasks);
        await pass(MOMENT_MS);
        dispatcher.start();
      },
    ],
    [
      "the end of a turn",
      async ({ dispatcher, tasks }) => {
        dispatcher.start();
        await complete(tasks);
        await soon(dispatcher.turnEnded(ADA));
      },
    ],
    [
      "a user who has spoken",
      async ({ dispatcher, tasks }) => {
        await complete(tasks);
        dispatcher.start();
        await soon(dispatcher.userSpoke(ADA));
      },
    ],
  ];

  test.each(wakers)("a turn runs in the context of who made the dispatcher, woken by %s", async (_, wake) => {
    const process = stage();
    await as("other", () => wake(process));
    await pass(2 * MOMENT_MS);
    expect(process.seen).toEqual(turn);
    await soon(process.dispatcher.stop());
  });

  test("so does one that is tried again", async () => {
    const fails = () => Promise.reject(new Error("The model is down."));
    const process = stage(fails);
    process.tasks.on("delivery.failed", () => undefined);
    await as("other", async () => {
      process.dispatcher.start();
      await complete(process.tasks);
      await pass(2 * RETRY_MS + MOMENT_MS);
    });
    expect(process.seen.filter(([what]) => what !== "abort")).toEqual([...turn, ...turn]);
    await soon(process.dispatcher.stop());
  });

  test("and there it is told to stop", async () => {
    const process = stage(() => new Promise(() => undefined));
    await as("other", async () => {
      process.dispatcher.start();
      await complete(process.tasks);
      await pass(MOMENT_MS);
      await soon(process.dispatcher.stop({ drainMs: 0 }), 2_500);
    });
    expect(process.seen).toEqual([...turn, ["abort", "host"]]);
  });
});
