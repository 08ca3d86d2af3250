import { describe, expect, test, vi } from "vitest";
import { inFakeTime } from "../../support/scene.ts";
import { SseReader } from "./sse-reader.ts";
import { ada, stage, telling } from "./stage.ts";

inFakeTime();

interface Described {
  paths: Record<
    string,
    { get: { parameters: { name: string }[]; responses: Record<string, { content: object }> } }
  >;
}

async function running(options: Parameters<typeof stage>[0] = {}) {
  const own = stage(options);
  const { task, write, end } = await telling(own.tasks);
  await vi.advanceTimersByTimeAsync(150);
  return { ...own, task, write, end, path: `/${task.id}/events` };
}

describe("the streams of one user", () => {
  test("are 32 at most, of tasks and all, whatever their sessions; the others' do not count", async () => {
    const { ask, path } = await running();
    const opened: Response[] = [];
    for (let n = 0; n < 32; n += 1) {
      opened.push(await ask(n % 2 === 0 ? path : "/stream", { token: "ada" }));
    }
    const refused = await ask("/stream?sessionId=s1", { token: "ada/s1" });
    expect([refused.status, refused.headers.get("Retry-After"), await refused.json()]).toMatchObject([
      429,
      "5",
      { code: "too_many_streams" },
    ]);
    expect((await ask(path)).status).toBe(429);
    const bobs = await ask("/stream", { token: "bob" });
    expect(bobs.status).toBe(200);
    await opened[7]?.body?.cancel();
    const next = await ask(path);
    expect(next.status).toBe(200);
    for (const { body } of [...opened, bobs, next]) await body?.cancel();
  });

  test("do not keep who waits from waiting, nor the other way round", async () => {
    const { ask, path, task } = await running({ streams: { perUser: 1 }, waitsPerUser: 1 });
    const stream = await ask(path);
    const waiting = ask(`/${task.id}/result?waitMs=1000`);
    expect((await ask(`/${task.id}/result?waitMs=1000`)).status).toBe(429);
    await vi.advanceTimersByTimeAsync(1_000);
    expect((await waiting).status).toBe(202);
    expect((await ask(path)).status).toBe(429);
    await stream.body?.cancel();
  });
});

describe("a stream", () => {
  test("shows signs of life as often as it is told to", async () => {
    const { ask, path } = await running({ streams: { heartbeatMs: 1_000 } });
    const reader = new SseReader(await ask(`${path}?after=2`));
    const rest = reader.rest();
    for (let seconds = 1; seconds <= 5; seconds += 1) {
      await vi.advanceTimersByTimeAsync(1_001);
      expect(reader.comments).toEqual(Array.from({ length: seconds }, () => ":"));
    }
    await reader.cancel();
    expect(await rest).toEqual([]);
  });

  test("shows them every 15 s by default, and comes back within a second", async () => {
    const { ask, path } = await running();
    const reader = new SseReader(await ask(`${path}?after=2`));
    const rest = reader.rest();
    await vi.advanceTimersByTimeAsync(14_999);
    expect(reader.comments).toEqual([]);
    await vi.advanceTimersByTimeAsync(2);
    expect([reader.comments, reader.retry]).toEqual([[":"], 1_000]);
    await reader.cancel();
    await rest;
  });

  test("ends when its time is over, not all at once, and the reader goes on where it was", async () => {
    const { ask, path, write, end, open } = await running({ streams: { perUser: 99, lifetimeMs: 10_000 } });
    const started = Date.now();
    const ends: number[] = [];
    const readers = await Promise.all(Array.from({ length: 50 }, async () => new SseReader(await ask(path))));
    const reading = readers.map(async (reader) => {
      const messages = await reader.rest();
      ends.push(Date.now() - started);
      return messages.at(-1)?.id;
    });
    await vi.advanceTimersByTimeAsync(10_000);
    const [lastId] = await Promise.all(reading);
    expect(Math.min(...ends)).toBeGreaterThanOrEqual(8_000);
    expect(Math.max(...ends)).toBeLessThanOrEqual(10_000);
    expect(Math.max(...ends) - Math.min(...ends)).toBeGreaterThan(500);
    expect(open.count).toBe(0);
    write("more");
    await vi.advanceTimersByTimeAsync(150);
    const again = new SseReader(await ask(path, { headers: { "Last-Event-ID": lastId ?? "" } }));
    expect((await again.next())?.id).toBe(String(Number(lastId) + 1));
    const ending = end();
    await vi.advanceTimersByTimeAsync(150);
    await Promise.all([ending, again.rest()]);
  });
});

describe("a reader that stalls", () => {
  test("is cut at the second sign of life it does not take, and resumes", async () => {
    const { ask, path, write, open, tasks, task } = await running();
    const response = await ask(path);
    for (let seconds = 0; seconds < 31; seconds += 1) {
      write(`line ${seconds}`);
      await vi.advanceTimersByTimeAsync(1_000);
    }
    expect(open.count).toBe(0);
    expect(await new SseReader(response).rest()).toEqual([]);
    const { lastSeq } = (await tasks.get(ada, task.id)) ?? { lastSeq: 0 };
    const again = new SseReader(await ask(path));
    const ids = (await again.take(lastSeq)).map((message) => Number(message?.id));
    expect(ids).toEqual(Array.from({ length: lastSeq }, (_, index) => index + 1));
    await again.cancel();
  });

  test("is cut before more than a mebibyte or so waits for it", async () => {
    const { ask, path, write, open } = await running({ streams: { heartbeatMs: 3_600_000 } });
    const response = await ask(path);
    let sent = 0;
    for (; open.count > 0 && sent < 200; sent += 1) {
      write("x".repeat(16_000));
      await vi.advanceTimersByTimeAsync(150);
    }
    expect(sent * 16_000).toBeGreaterThan(1_048_576);
    expect(sent * 16_000).toBeLessThan(1_200_000);
    expect(await new SseReader(response).rest()).toEqual([]);
    const again = new SseReader(await ask(path, { headers: { "Last-Event-ID": "2" } }));
    expect((await again.take(2)).map((message) => message?.event)).toEqual(["truncated", "message"]);
    await again.cancel();
  });
});

describe("without streams", () => {
  test("the log is JSON for everybody, and there is no user stream", async () => {
    const { ask, task, path } = await running({ streams: false });
    const log = await ask(path, { headers: { "Last-Event-ID": "nonsense" } });
    expect([log.status, log.headers.get("Content-Type"), log.headers.get("Vary")]).toEqual([
      200,
      "application/json",
      "Authorization, Cookie",
    ]);
    expect((await ask("/stream")).status).toBe(404);
    expect((await ask(`/${task.id}/events?waitMs=0`)).status).toBe(200);
  });

  test("the description has none either", async () => {
    const { ask } = await running({ streams: false });
    const without = await (await ask("/openapi.json")).text();
    expect(without).not.toMatch(/"text\/event-stream"|Last-Event-ID|tasks\/stream|as they happen/);
    const { ask: askOther } = await running();
    const document = (await (await askOther("/openapi.json")).json()) as Described;
    const get = document.paths["/background-tasks/{id}/events"]?.get ?? { parameters: [], responses: {} };
    expect(Object.keys(get.responses[200]?.content ?? {})).toEqual(["application/json", "text/event-stream"]);
    expect(get.parameters.map(({ name }) => name)).toContain("Last-Event-ID");
    expect(Object.keys(get.responses)).toContain("204");
    expect(document.paths).toHaveProperty(["/background-tasks/stream"]);
  });
});

test("a stream authenticates once", async () => {
  let asked = 0;
  const { ask, path } = await running({
    authenticate: () => {
      asked += 1;
      return ada;
    },
  });
  const reader = new SseReader(await ask(path));
  await reader.next();
  await vi.advanceTimersByTimeAsync(60_000);
  await reader.cancel();
  expect(asked).toBe(1);
});
