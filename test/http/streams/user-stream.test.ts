import { describe, expect, test, vi } from "vitest";
import { taskInfoSchema, taskPageSchema, taskSnapshotSchema } from "../../../src/http/index.ts";
import { BackgroundTaskManager, type TaskInfo } from "../../../src/index.ts";
import { inFakeTime } from "../../support/scene.ts";
import { completed } from "../lab.ts";
import { type Message, SseReader } from "./sse-reader.ts";
import { ada, stage, telling } from "./stage.ts";

inFakeTime();

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

/** What a reader is told, while it is told it. */
async function listen(response: Response) {
  const reader = new SseReader(response);
  const heard: Message[] = [];
  const ended = (async () => {
    for (let message = await reader.next(); message; message = await reader.next()) heard.push(message);
  })();
  await pass(500);
  const states = () => heard.filter(({ event }) => event === "task").map(({ data }) => data as TaskInfo);
  return { heard, states, ended, cancel: () => reader.cancel() };
}

function snapshotIn([first]: Message[]): { tasks: TaskInfo[]; more: boolean } {
  expect(first?.event).toBe("snapshot");
  return first?.data as { tasks: TaskInfo[]; more: boolean };
}

describe("the wire", () => {
  test("is a retry, a snapshot, and each state by its name, without ids", async () => {
    const { tasks, ask } = stage();
    const { task, write, end } = await telling(tasks);
    await pass(150);
    const response = await ask("/stream");
    expect(response.headers.get("Content-Type")).toBe("text/event-stream");
    const { heard, states, cancel } = await listen(response);
    const snapshot = snapshotIn(heard);
    expect(taskSnapshotSchema.parse(snapshot)).toEqual(snapshot);
    expect(snapshot).toEqual({ tasks: [await tasks.get(ada, task.id)], more: false });
    write("news");
    await pass(1_000);
    const ending = end();
    await pass(1_000);
    const ended = await ending;
    expect(states().at(-1)).toEqual(await tasks.get(ada, ended.id));
    for (const state of states()) expect(taskInfoSchema.parse(state)).toEqual(state);
    expect(heard.every(({ id }) => id === undefined)).toBe(true);
    await cancel();
  });

  test("is at most four states of a task in a second, and the newest is among them", async () => {
    const { tasks, ask } = stage();
    const { write, task } = await telling(tasks);
    await pass(150);
    const { states, cancel } = await listen(await ask("/stream"));
    const before = states().length;
    for (let n = 0; n < 100; n += 1) {
      write(`line ${n}`);
      await pass(50);
    }
    expect(states().length - before).toBeLessThanOrEqual(4 * 5 + 1);
    expect(states().length - before).toBeGreaterThan(5);
    await pass(500);
    expect(states().at(-1)).toEqual(await tasks.get(ada, task.id));
    await cancel();
  });
});

describe("what a stream shows", () => {
  test("is what the list may show: of two users and three sessions, each their own", async () => {
    const { tasks, ask } = stage();
    const scopes = ["one", "two", "three"].map((sessionId) => ({ userId: "ada", sessionId }));
    const bob = { userId: "bob", sessionId: "one" };
    for (const scope of [...scopes, bob]) await completed(tasks, scope, 1);
    const askers: [string, string][] = [
      ["ada", ""],
      ["ada", "?sessionId=two"],
      ["ada/one", ""],
      ["ada/one", "?sessionId=one"],
      ["bob", ""],
      ["bob", "?sessionId=two"],
    ];
    const listening = [];
    for (const [token, query] of askers) {
      listening.push(await listen(await ask(`/stream${query}`, { token })));
    }
    for (const scope of [...scopes, bob]) await completed(tasks, scope, 2);
    await pass(1_000);
    for (const [index, [token, query]] of askers.entries()) {
      const list = taskPageSchema.parse(await (await ask(query, { token, accept: "*/*" })).json());
      const { heard, states, cancel } = listening[index] ?? (await listen(new Response()));
      const shown = new Map([...snapshotIn(heard).tasks, ...states()].map((task) => [task.id, task]));
      const byId = (a: TaskInfo, b: TaskInfo) => (a.id < b.id ? -1 : 1);
      expect([...shown.values()].sort(byId), `${token} ${query}`).toEqual(list.tasks.sort(byId));
      await cancel();
    }
  });

  test("is nothing where a session is outside of what is theirs", async () => {
    const { ask, open } = stage();
    const response = await ask("/stream?sessionId=two", { token: "ada/one" });
    expect([response.status, open.count]).toEqual([404, 0]);
  });

  test("is what the schema of the query lets through", async () => {
    const { ask } = stage();
    for (const [query, field] of [
      ["?status=running", "status"],
      ["?sessionId=", "sessionId"],
    ] as const) {
      const response = await ask(`/stream${query}`);
      expect([response.status, await response.json()]).toMatchObject([400, { field }]);
    }
  });
});

test("readers of one user are given the same bytes, written once: snapshots, states, and states of several tasks", async () => {
  const { tasks, ask } = stage();
  const told = [await telling(tasks), await telling(tasks)];
  await pass(150);
  const readers = await Promise.all([1, 2].map(async () => piecesOf(await ask("/stream"))));
  await pass(500);
  for (let n = 0; n < 10; n += 1) {
    for (const { write } of told) write("news");
    await pass(100);
  }
  const [one = [], other] = readers.map(({ pieces }) => pieces);
  expect(one.length).toBeGreaterThanOrEqual(4);
  for (const [index, piece] of one.entries()) expect(other?.[index]).toBe(piece);
  const text = one.map((piece) => new TextDecoder().decode(piece));
  expect(text.some((piece) => piece.split("event: task").length === 3)).toBe(true);
  for (const { cancel } of readers) await cancel();
});

/** What comes at once, as it comes. */
function piecesOf({ body }: Response) {
  const reader = body?.getReader();
  const pieces: (Uint8Array | undefined)[] = [];
  const reading = (async () => {
    for (let piece = await reader?.read(); piece?.done === false; piece = await reader?.read()) {
      pieces.push(piece.value);
    }
  })();
  return { pieces, cancel: () => Promise.all([reader?.cancel(), reading]) };
}

test("signs of life that come more often than states do not end a stream", async () => {
  const { tasks, ask, open } = stage({ streams: { heartbeatMs: 100 } });
  const { write } = await telling(tasks);
  await pass(150);
  const { states, cancel } = await listen(await ask("/stream"));
  for (let n = 0; n < 20; n += 1) {
    write(`line ${n}`);
    await pass(60);
  }
  expect([open.count, states().length > 2]).toEqual([1, true]);
  await cancel();
});

test.each([
  ["long ago", 1_000],
  ["a moment ago", 10],
])(
  "a stream ends with the manager, behind what there is to tell of a task that told something %s",
  async (_when, ms) => {
    const { tasks, ask, open } = stage();
    const { write } = await telling(tasks);
    await pass(150);
    const { states, ended } = await listen(await ask("/stream"));
    write("news");
    await pass(150 + ms);
    const closing = tasks.close({ drainMs: 0 });
    await pass(5_000);
    await Promise.all([closing, ended]);
    expect(states().at(-1)?.status).toBe("failed");
    expect(open.count).toBe(0);
  },
);

test("a reader that has not read for long is shown the newest states, and no others", async () => {
  const tasks = new BackgroundTaskManager();
  const { ask } = stage({ tasks, streams: { heartbeatMs: 3_600_000 } });
  const metadata = { padding: "x".repeat(10_000) };
  const many = await Promise.all(
    Array.from({ length: 8 }, () =>
      tasks.start({ toolName: "search", input: {}, scope: ada, metadata }, async (_input, { report }) => {
        for (let value = 0; value < 50; value += 1) {
          report({ value });
          await new Promise((resolve) => setTimeout(resolve, 200));
        }
      }),
    ),
  );
  const response = await ask("/stream");
  await pass(15_000);
  const { heard, states, cancel } = await listen(response);
  const all = new Map([...snapshotIn(heard).tasks, ...states()].map((task) => [task.id, task]));
  expect(all.size).toBe(many.length);
  expect(new Set([...all.values()].map(({ status }) => status))).toEqual(new Set(["completed"]));
  expect(heard.length).toBeLessThan(many.length * 4);
  await cancel();
});
