import { afterEach, beforeEach, expect, test } from "vitest";
import { hintOf, type TaskHint } from "../../../src/core/model/store.ts";
import { BackgroundTaskManager } from "../../../src/index.ts";
import { makeTask } from "../../../src/testing/make-task.ts";
import { ADA, LONG_MS, NO_LIMITS, ofTasks, output } from "../../../src/testing/suite/lab.ts";
import { until } from "../../support/until.ts";
import { describeWithServer, newPrefix, newStore } from "./lab.ts";

const HINT = hintOf({ ...makeTask().record, lastSeq: 3 }, 3);
const forged = (fields: object) => `x ${JSON.stringify({ ...HINT, ...fields })}`;
const RUBBISH = [
  ...[
    "",
    " ",
    "x",
    "x ",
    "x {",
    "x null",
    "x 7",
    'x "text"',
    "x []",
    "x {}",
    "\u0000\uffff",
    `x ${"[".repeat(50_000)}`,
  ],
  ...[
    forged({ firstSeq: "x" }),
    forged({ firstSeq: -1 }),
    forged({ lastSeq: null }),
    forged({ firstSeq: 1e308 }),
  ],
  ...[forged({ userId: null }), forged({ userId: { a: 1 } }), forged({ id: 7 }), forged({ sessionId: [] })],
  ...[forged({ status: "done" }), forged({ followUp: 7 }), forged({ __proto__: null, status: "toString" })],
  forged({ id: "x".repeat(100_000) }),
];

let uncaught: unknown[] = [];
const note = (error: unknown) => void uncaught.push(error);
beforeEach(() => {
  uncaught = [];
  process.on("uncaughtException", note);
  process.on("unhandledRejection", note);
});
afterEach(() => {
  process.off("uncaughtException", note);
  process.off("unhandledRejection", note);
  expect(uncaught).toEqual([]);
});

describeWithServer("the channel of hints", [], (lab) => {
  test("rubbish is nobody's hint, and what comes after it is heard", async () => {
    const prefix = newPrefix();
    const [store, other] = [newStore(lab.client, prefix), newStore(lab.client, prefix)];
    const heard: TaskHint[] = [];
    store.watch?.(ofTasks((hint) => void heard.push(hint)));
    const { record } = makeTask();
    await other.insert({ record, events: [] }, NO_LIMITS, LONG_MS);
    await until(async () => {
      await other.append(record, "process-1", [output("x")]);
      expect(heard).not.toEqual([]);
    });
    const seq = await other.append(record, "process-1", [output("x")]);
    await until(() => expect(heard.at(-1)?.lastSeq).toBe(seq));
    const before = heard.length;
    for (const message of RUBBISH) await lab.client.publish(`${prefix}:hints`, message);
    await lab.client.publish(`${prefix}:hints`, Buffer.from([0xff, 0xfe, 0x20, 0x80]));
    const last = await other.append(record, "process-1", [output("y")]);
    await until(() => expect(heard.at(-1)?.lastSeq).toBe(last));
    expect(heard).toHaveLength(before + 1);
    await store.close();
  });

  test("no message ends a watch or hides anything from it", async () => {
    const prefix = newPrefix();
    const reader = new BackgroundTaskManager({
      store: newStore(lab.newClient(), prefix),
      storeTimeoutMs: 15_000,
    });
    const writer = new BackgroundTaskManager({
      store: newStore(lab.newClient(), prefix),
      storeTimeoutMs: 15_000,
    });
    let end = (_: string) => {};
    const { id } = await writer.start(
      { toolName: "search", input: {}, scope: ADA },
      () => new Promise<string>((resolve) => (end = resolve)),
    );
    const seen: string[] = [];
    const stop = new AbortController();
    const watching = (async () => {
      for await (const { event } of reader.watch(ADA, { signal: stop.signal })) seen.push(event.type);
    })();
    // It listens from when it hears of what others do.
    await until(async () => {
      await writer.start({ toolName: "ping", input: {}, scope: ADA }, () => 1);
      expect(seen).not.toEqual([]);
    });
    seen.length = 0;
    const far = Number.MAX_SAFE_INTEGER;
    const messages = [
      ...RUBBISH,
      forged({ id, sessionId: null, firstSeq: far, lastSeq: far }),
      forged({
        id,
        sessionId: null,
        firstSeq: far,
        lastSeq: far,
        status: "completed",
        followUp: "delivered",
      }),
      forged({ id: "nobody's", firstSeq: 1, lastSeq: 1 }),
    ];
    for (const message of messages) await lab.client.publish(`${prefix}:hints`, message);
    end("x");
    await until(() => expect(seen).toContain("task.completed"));
    stop.abort();
    await watching;
    expect(await reader.get(ADA, id)).toMatchObject({ status: "completed" });
    await Promise.all([reader.close(), writer.close()]);
  });
});
