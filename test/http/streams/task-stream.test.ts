import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { BackgroundTaskManager, memoryStore } from "../../../src/index.ts";
import { restlessStore } from "../../support/restless-store.ts";
import { inFakeTime, soon } from "../../support/scene.ts";
import { completed } from "../lab.ts";
import { SseReader, told } from "./sse-reader.ts";
import { ada, stage, telling } from "./stage.ts";

inFakeTime();

/** Time enough for whatever is on its way. */
const pass = (ms = 150) => vi.advanceTimersByTimeAsync(ms);

/** A task that has said so much, each in an event of its own. */
async function talkative(tasks: BackgroundTaskManager, lines: number) {
  const { task, write, end } = await telling(tasks);
  await pass();
  for (let line = 1; line <= lines; line += 1) {
    write(`line ${line}`);
    await pass();
  }
  const ended = async () => {
    const ending = end();
    await pass();
    return await ending;
  };
  return { task, write, end: ended };
}

/** As with any server, the bytes come while time passes. */
async function heard(reading: Promise<unknown>): Promise<unknown> {
  await pass();
  return await reading;
}

describe("the wire", () => {
  test("is a retry, then each event with its number and no name", async () => {
    const { tasks, ask } = stage();
    const { task, end } = await talkative(tasks, 2);
    const response = await ask(`/${task.id}/events`);
    await end();
    const text = (await heard(response.text())) as string;
    const { events } = await tasks.events(ada, task.id);
    const lines = events.map((event) => `id: ${event.seq}\ndata: ${JSON.stringify(event)}\n\n`);
    expect(text).toBe(`retry: 1000\n\n${lines.join("")}`);
    expect(events.length).toBeGreaterThan(4);
  });

  test("has the headers that keep what stands between from holding anything back", async () => {
    const { tasks, ask } = stage();
    const { task } = await talkative(tasks, 0);
    const { status, headers, body } = await ask(`/${task.id}/events`);
    expect([status, Object.fromEntries(headers)]).toEqual([
      200,
      {
        "content-type": "text/event-stream",
        "cache-control": "no-store, no-transform",
        "x-accel-buffering": "no",
        "x-content-type-options": "nosniff",
        vary: "Authorization, Cookie, Accept",
      },
    ]);
    await body?.cancel();
  });

  test("begins at once, before anything has happened", async () => {
    const { tasks, ask } = stage();
    const { task } = await talkative(tasks, 0);
    const { lastSeq } = (await tasks.get(ada, task.id)) ?? { lastSeq: 0 };
    const response = await ask(`/${task.id}/events?after=${lastSeq}`);
    const reader = response.body?.getReader();
    const first = await reader?.read();
    expect(new TextDecoder().decode(first?.value)).toBe("retry: 1000\n\n");
    await reader?.cancel();
  });

  test("is JSON, varying by Accept, for who does not ask for a stream", async () => {
    const { tasks, ask } = stage();
    const task = await completed(tasks, ada, 1);
    const response = await ask(`/${task.id}/events`, { accept: "*/*" });
    expect(response.headers.get("Content-Type")).toBe("application/json");
    expect(response.headers.get("Vary")).toBe("Authorization, Cookie, Accept");
    const tag = response.headers.get("ETag") ?? "";
    const again = await ask(`/${task.id}/events`, { accept: "*/*", headers: { "If-None-Match": tag } });
    expect([again.status, again.headers.get("Vary")]).toEqual([304, "Authorization, Cookie, Accept"]);
  });
});

describe("a reader that comes back", () => {
  test.each([
    ["Last-Event-ID", "", { "Last-Event-ID": "3" }],
    ["after", "?after=3", {}],
    ["Last-Event-ID rather than after", "?after=1", { "Last-Event-ID": "3" }],
    ["after where Last-Event-ID is empty", "?after=3", { "Last-Event-ID": "" }],
  ])("goes on behind %s", async (_name, query, headers) => {
    const { tasks, ask } = stage();
    const { task, write, end } = await talkative(tasks, 3);
    const reader = new SseReader(await ask(`/${task.id}/events${query}`, { headers }));
    write("the last");
    await pass();
    const { lastSeq } = await end();
    const messages = (await heard(reader.rest())) as Parameters<typeof told>[0];
    expect(told(messages)).toEqual(Array.from({ length: lastSeq - 3 }, (_, index) => index + 4));
    expect(messages.map((message) => message?.id)).toEqual(told(messages).map(String));
  });

  test.each(["x", "-1", "1.5", "0x1", "9007199254740993", "1, 2", "1 "])(
    "with %j is refused where that is no number",
    async (id) => {
      const { tasks, ask } = stage();
      const { task } = await talkative(tasks, 0);
      const response = await ask(`/${task.id}/events`, { headers: { "Last-Event-ID": id } });
      // Around a header there may be spaces.
      if (id.trim() === "1") return void (await response.body?.cancel());
      expect([response.status, await response.json()]).toMatchObject([
        400,
        { code: "invalid_header", field: "Last-Event-ID" },
      ]);
    },
  );

  test("with whatever a header may hold is told where it is, or is refused", async () => {
    const { tasks, ask, open, errors } = stage();
    const { task } = await talkative(tasks, 3);
    const visible = fc.string({
      unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)),
    });
    const ids = fc.oneof(visible, fc.nat({ max: 9 }).map(String), fc.bigInt().map(String));
    const visit = async (id: string) => {
      const response = await ask(`/${task.id}/events`, { headers: { "Last-Event-ID": id } });
      await response.body?.cancel();
      const isSound = /^\d{0,15}$/.test(id.replace(/^[ \t]+|[ \t]+$/g, ""));
      if (isSound) expect(response.status).toBe(200);
      expect([200, 400]).toContain(response.status);
    };
    await fc.assert(fc.asyncProperty(ids, visit), { numRuns: 300 });
    await pass();
    expect([errors, open.count]).toEqual([[], 0]);
  });

  test("to the end of a task that has ended, or past it, gets 204 and no more", async () => {
    const { tasks, ask, open } = stage();
    const { task, end } = await talkative(tasks, 0);
    const { lastSeq } = await end();
    for (const after of [lastSeq, lastSeq + 1, 1_000]) {
      const response = await ask(`/${task.id}/events?after=${after}`);
      expect([response.status, response.body, response.headers.get("Cache-Control")]).toEqual([
        204,
        null,
        "no-store, no-transform",
      ]);
    }
    expect(open.count).toBe(0);
    const before = new SseReader(await ask(`/${task.id}/events?after=${lastSeq - 1}`));
    expect(told((await heard(before.rest())) as [])).toEqual([lastSeq]);
  });

  test("from beyond the end of a task that runs is told so, and goes on", async () => {
    const { tasks, ask } = stage();
    const { task, end } = await talkative(tasks, 1);
    const reader = new SseReader(await ask(`/${task.id}/events?after=500`));
    const { lastSeq } = await end();
    const seqs = told((await heard(reader.rest())) as []);
    expect(seqs[0]).toBe("truncated");
    expect(seqs.at(-1)).toBe(lastSeq);
  });

  test("after the log has moved on is told so once, right before the next event", async () => {
    const { tasks, ask } = stage();
    const { task, write, end } = await talkative(tasks, 2);
    for (let n = 0; n < 40; n += 1) {
      write("x".repeat(16_000));
      await pass();
    }
    const { events, truncated } = await tasks.events(ada, task.id, { after: 1 });
    expect(truncated).toBe(true);
    const reader = new SseReader(await ask(`/${task.id}/events`, { headers: { "Last-Event-ID": "1" } }));
    const rest = reader.rest();
    const { lastSeq } = await end();
    const seqs = told((await heard(rest)) as []);
    const first = events[0]?.seq ?? 0;
    const expected = Array.from({ length: lastSeq - first + 1 }, (_, index) => first + index);
    expect(seqs).toEqual(["truncated", ...expected]);
  });
});

test("a log that is larger in bytes than what waits for a reader at most is told in whole", async () => {
  const { tasks, ask } = stage();
  const { task, write, end } = await talkative(tasks, 0);
  for (let n = 0; n < 20; n += 1) {
    // In JSON each of them is six bytes long.
    write("\u0001".repeat(16_000));
    await pass();
  }
  await end();
  const { events } = await tasks.events(ada, task.id);
  const reader = new SseReader(await ask(`/${task.id}/events`));
  const messages = (await heard(reader.rest())) as Parameters<typeof told>[0];
  expect(told(messages)).toEqual(["truncated", ...events.map(({ seq }) => seq)]);
  expect(reader.bytes).toBeGreaterThan(1_048_576);
});

describe("the end", () => {
  test("comes after the last event of the task, what is there of its follow-up included", async () => {
    const { tasks, ask } = stage();
    const { task, end } = await talkative(tasks, 1);
    await end();
    const events = (await tasks.events(ada, task.id)).events;
    const reader = new SseReader(await ask(`/${task.id}/events`));
    expect(told((await heard(reader.rest())) as [])).toEqual(events.map(({ seq }) => seq));
  });

  test("comes with that of the manager, behind what there is to tell", async () => {
    const { tasks, ask, open } = stage();
    const { task } = await talkative(tasks, 1);
    const reader = new SseReader(await ask(`/${task.id}/events`));
    const closing = tasks.close({ drainMs: 0 });
    const messages = (await heard(reader.rest())) as { data: { type: string } }[];
    await soon(closing);
    expect(messages.at(-1)?.data.type).toBe("task.failed");
    expect(open.count).toBe(0);
  });

  test("comes with that of the manager though the task of another process goes on", async () => {
    const store = memoryStore();
    const there = new BackgroundTaskManager({ store });
    const { tasks, ask } = stage({ tasks: new BackgroundTaskManager({ store }) });
    const { task } = await talkative(there, 1);
    const reader = new SseReader(await ask(`/${task.id}/events`));
    const rest = reader.rest();
    await soon(tasks.close());
    expect(told((await heard(rest)) as [])).toEqual([1, 2, 3]);
    await soon(there.close({ drainMs: 0 }));
  });

  test("comes cleanly where the store fails in the midst, and the host is told", async () => {
    const { tasks, ask, errors } = stage();
    const { task } = await talkative(tasks, 3);
    const failure = new Error("the store is away");
    tasks.events = () => Promise.reject(failure);
    const reader = new SseReader(await ask(`/${task.id}/events`));
    expect(await heard(reader.rest())).toEqual([]);
    expect(errors).toEqual([failure]);
  });
});

test("a task that is foreign, or of another session, is not there", async () => {
  const { tasks, ask, open } = stage();
  const { task } = await telling(tasks, { userId: "ada", sessionId: "one" });
  await pass();
  const statusOf = async (token: string) => {
    const response = await ask(`/${task.id}/events`, { token });
    await response.body?.cancel();
    return response.status;
  };
  expect(await statusOf("bob")).toBe(404);
  expect(await statusOf("ada/two")).toBe(404);
  expect(open.count).toBe(0);
  expect([await statusOf("ada"), await statusOf("ada/one")]).toEqual([200, 200]);
});

test.each(["limit", "waitMs"])("%s is of pages: a stream refuses it by name", async (field) => {
  const { tasks, ask } = stage();
  const task = await completed(tasks, ada, 1);
  const response = await ask(`/${task.id}/events?${field}=5`);
  expect([response.status, await response.json()]).toMatchObject([400, { code: "invalid_query", field }]);
});

test("many readers share one watch, whenever they come, and each is told everything", async () => {
  const tasks = new BackgroundTaskManager({ store: restlessStore(memoryStore()), storeTimeoutMs: 60_000 });
  const { ask, open } = stage({ tasks });
  const { task, write, end } = await soon(telling(tasks));
  await pass();
  const reading: Promise<(number | "truncated")[]>[] = [];
  for (let n = 0; n < 8; n += 1) {
    write(`line ${n}`);
    await pass(60);
    const asked = ask(`/${task.id}/events?after=${n % 3}`);
    reading.push(asked.then((response) => new SseReader(response).rest().then(told)));
    await pass(20);
  }
  expect(open.count).toBe(1);
  const ending = end();
  await pass(500);
  const { lastSeq } = await ending;
  for (const [n, seqs] of (await Promise.all(reading)).entries()) {
    expect(seqs).toEqual(Array.from({ length: lastSeq - (n % 3) }, (_, index) => (n % 3) + index + 1));
  }
  expect(open.count).toBe(0);
});
