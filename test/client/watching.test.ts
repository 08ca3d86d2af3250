import { beforeEach, describe, expect, test, vi } from "vitest";
import {
  collect,
  eventsTo,
  FakeStream,
  fakeServer,
  inFakeTime,
  isStream,
  json,
  NEVER,
  problem,
  soon,
  taskOf,
} from "./fake-server.ts";

inFakeTime();
beforeEach(() => void vi.spyOn(Math, "random").mockReturnValue(0.5));

/** A server with streams, which are written to by hand. */
const streaming = () => fakeServer((request) => new FakeStream(request.signal));

describe("a task's stream", () => {
  test("resumes exactly by `after`, ends after the end, and asks no more at 204", async () => {
    const [first, second, end] = eventsTo(3);
    const { client, streams, asked } = fakeServer((request, url) =>
      url.searchParams.get("after") === "3"
        ? new Response(null, { status: 204 })
        : new FakeStream(request.signal),
    );
    const watched = collect(client().watch("one"));
    await soon();
    streams[0]?.tell(null, first ?? {}, 1);
    streams[0]?.write(`id: 2\ndata: ${JSON.stringify(second)}`);
    await soon();
    streams[0]?.cut();
    await soon(2_000);
    expect(watched.heard.map(({ event }) => event)).toEqual([first]);
    streams[1]?.tell(null, second ?? {}, 2);
    streams[1]?.tell(null, end ?? {}, 3);
    streams[1]?.end();
    await soon(100);
    await watched.end;
    expect(watched.heard).toEqual(eventsTo(3).map((event) => ({ event, truncated: false })));
    expect(asked()).toEqual([
      "GET /one/events?after=0",
      "GET /one/events?after=1",
      "GET /one/events?after=3",
    ]);
  });

  test("says `truncated` once, with the first event after the gap, also when cut between the two", async () => {
    const { client, streams } = streaming();
    const left = new AbortController();
    const watched = collect(client().watch("one", { after: 4, signal: left.signal }));
    await soon();
    streams[0]?.tell("truncated", {});
    await soon();
    streams[0]?.cut();
    await soon(2_000);
    streams[1]?.tell("truncated", {});
    streams[1]?.tell(null, { taskId: "one", seq: 9, at: 1, type: "task.started" }, 9);
    streams[1]?.tell(null, { taskId: "one", seq: 10, at: 1, type: "task.started" }, 10);
    await soon();
    expect(watched.heard.map(({ truncated }) => truncated)).toEqual([true, false]);
    left.abort();
    await watched.end;
  });

  test("passes on events that it does not know, and is not ended by them", async () => {
    const { client, streams } = streaming();
    const watched = collect(client().watch("one"));
    await soon();
    const event = { taskId: "one", seq: 1, at: 1, type: "step.completed", step: 4 };
    streams[0]?.tell(null, event, 1);
    streams[0]?.tell("weather", { rain: true });
    streams[0]?.end();
    await soon(300);
    expect(watched.heard).toEqual([{ event, truncated: false }]);
    expect(streams).toHaveLength(2);
    streams[1]?.tell(null, { seq: "2" });
    await expect(watched.end).rejects.toMatchObject({
      code: "protocol",
      message: expect.stringContaining("The response.taskId must be string"),
    });
  });

  test("is tried again after 45 s in which nothing came, not even a heartbeat", async () => {
    const { client, streams } = streaming();
    const left = new AbortController();
    const watched = collect(client().watch("one", { signal: left.signal }));
    await soon();
    streams[0]?.write("retry: 1000\n\n");
    await soon(40_000);
    streams[0]?.write(":\n\n");
    await soon(40_000);
    expect(streams[0]?.isOpen).toBe(true);
    await soon(6_000);
    expect(streams.map(({ isOpen }) => isOpen)).toEqual([false, true]);
    left.abort();
    await watched.end;
  });
});

describe("leaving", () => {
  test.each(["live", "polling", "resting", "unanswered"])(
    "frees everything while it is %s",
    async (state) => {
      const { client, requests } = fakeServer((request) => {
        if (state === "unanswered") return NEVER;
        if (state === "resting") return problem(503, "unavailable");
        return state === "live" ? new FakeStream(request.signal) : isStream(request) ? json({}) : NEVER;
      });
      const signal = new AbortController().signal;
      const added = vi.spyOn(signal, "addEventListener");
      const removed = vi.spyOn(signal, "removeEventListener");
      const iterator = client().watchAll({ signal })[Symbol.asyncIterator]();
      const next = iterator.next();
      await soon(10);
      await iterator.return?.();
      expect(await next).toEqual({ done: true, value: undefined });
      expect(removed.mock.calls.length).toBe(added.mock.calls.length);
      expect(vi.getTimerCount()).toBe(0);
      const count = requests.length;
      await soon(100_000);
      expect(requests).toHaveLength(count);
    },
  );

  test("an abort ends streams silently and calls with the reason", async () => {
    const { client } = fakeServer(() => NEVER);
    const left = new AbortController();
    const tasks = client();
    const ends = [
      collect(tasks.watch("one", { signal: left.signal })).end,
      collect(tasks.watchAll({ signal: left.signal })).end,
    ];
    const calls = [tasks.list(left), tasks.waitFor("one", left), tasks.create({ tool: "build" }, left)];
    await soon();
    left.abort("enough");
    await Promise.all(ends);
    for (const call of calls) await expect(call).rejects.toBe("enough");
    expect(await collect(tasks.watchAll({ signal: left.signal })).end).toBeUndefined();
    await expect(tasks.list(left)).rejects.toBe("enough");
  });

  test("so does one in the midst of a body", async () => {
    const left = new AbortController();
    const { client } = fakeServer((request) => new FakeStream(request.signal));
    const call = client().list(left);
    await soon();
    left.abort("enough");
    await expect(call).rejects.toBe("enough");
  });
});

describe("a 401", () => {
  test("asks the headers once more, then ends streams with that error until the next call", async () => {
    let isSignedIn = false;
    const { client, streams, requests } = fakeServer((request) =>
      isSignedIn ? new FakeStream(request.signal) : problem(401, "unauthenticated"),
    );
    const headers = vi.fn(async () => ({ Authorization: `Bearer ${headers.mock.calls.length}` }));
    const tasks = client({ headers });
    await expect(collect(tasks.watchAll()).end).rejects.toMatchObject({ code: "signed_out", status: 401 });
    expect(requests.map((request) => request.headers.get("Authorization"))).toEqual(["Bearer 1", "Bearer 2"]);
    isSignedIn = true;
    const left = new AbortController();
    const watched = collect(tasks.watchAll({ signal: left.signal }));
    await soon();
    expect(streams).toHaveLength(1);
    left.abort();
    await watched.end;
  });

  test("is the end at once where headers are no function", async () => {
    const { client, requests } = fakeServer(() => problem(401, "unauthenticated"));
    await expect(client({ headers: { a: "b" } }).list()).rejects.toMatchObject({ code: "signed_out" });
    expect(requests).toHaveLength(1);
  });

  test("headers that fail end it with their error", async () => {
    const { client } = streaming();
    const headers = () => Promise.reject(new Error("no token"));
    await expect(collect(client({ headers }).watchAll()).end).rejects.toThrow("no token");
  });
});

describe("a hidden page", () => {
  class Page extends EventTarget {
    visibilityState = "visible";
    readonly listeners = new Set<unknown>();
    override addEventListener(type: string, listener: (event: Event) => void): void {
      this.listeners.add(listener);
      super.addEventListener(type, listener);
    }
    override removeEventListener(type: string, listener: (event: Event) => void): void {
      this.listeners.delete(listener);
      super.removeEventListener(type, listener);
    }
    show(state: string): void {
      this.visibilityState = state;
      this.dispatchEvent(new Event("visibilitychange"));
    }
  }

  test.each([
    ["close", [false, true], 2],
    ["keep", [true], 1],
  ] as const)("%s", async (whenHidden, open, count) => {
    const page = new Page();
    vi.stubGlobal("document", page);
    const { client, streams } = streaming();
    const left = new AbortController();
    const watched = collect(client({ whenHidden }).watchAll({ signal: left.signal }));
    await soon();
    streams[0]?.write("retry: 1000\n\n");
    page.show("hidden");
    await soon(30_000);
    expect(streams).toHaveLength(1);
    page.show("visible");
    await soon();
    expect(streams).toHaveLength(count);
    expect(streams.map(({ isOpen }) => isOpen)).toEqual(open);
    expect(page.listeners.size).toBe(whenHidden === "close" ? 1 : 0);
    page.show("hidden");
    left.abort();
    await watched.end;
    expect(page.listeners.size).toBe(0);
  });
});

test("a user's stream tells snapshots and states, and says how news come", async () => {
  const { client, streams } = streaming();
  const states: string[] = [];
  const left = new AbortController();
  const onState = (state: string) => void states.push(state);
  const watched = collect(client().watchAll({ sessionId: "diary", signal: left.signal, onState }));
  await soon();
  const task = { ...taskOf(), status: "paused", mood: "good" };
  streams[0]?.tell("snapshot", { tasks: [taskOf()], more: true });
  streams[0]?.tell("task", task);
  await soon();
  expect(watched.heard).toEqual([
    { type: "snapshot", tasks: [taskOf()], more: true },
    { type: "task", task },
  ]);
  expect(states).toEqual(["live"]);
  left.abort();
  await watched.end;
});
