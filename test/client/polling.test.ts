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

const page = (...tasks: object[]) => json({ tasks, nextCursor: null });

describe("where streams do not come through it looks", () => {
  const ways: [string, (request: Request) => Promise<Response | FakeStream> | Response | FakeStream][] = [
    ["JSON comes instead", () => json({ tasks: [], nextCursor: null })],
    ["the server knows no stream", () => problem(404, "not_found")],
    ["the server knows no sessions there", () => problem(400, "unknown_parameter", { field: "sessionId" })],
    ["the server or a proxy has none of that type", () => problem(406, "not_acceptable")],
    [
      "the runtime's responses have no streams",
      () => {
        const response = new Response("", { headers: { "Content-Type": "text/event-stream" } });
        return Object.defineProperty(response, "body", { value: null });
      },
    ],
    ["too many are open", () => problem(429, "too_many_streams", {}, { "Retry-After": "2" })],
    ["a proxy holds the first byte back for 5 s", (request) => new FakeStream(request.signal)],
    ["a proxy holds the head back for 5 s", () => NEVER],
  ];

  test.each(ways)("%s; after 60 s it tries streams again", async (_way, refuse) => {
    let isRefused = true;
    const { client, streams, requests, asked } = fakeServer((request) => {
      if (!isStream(request)) return page(taskOf());
      return isRefused ? refuse(request) : new FakeStream(request.signal);
    });
    const states: string[] = [];
    const left = new AbortController();
    const onState = (state: string) => void states.push(state);
    const watched = collect(client().watchAll({ sessionId: "diary", signal: left.signal, onState }));
    await soon(7_000);
    expect(watched.heard).toEqual([{ type: "snapshot", tasks: [taskOf()], more: false }]);
    expect(states.at(-1)).toBe("polling");
    expect(asked()[0]).toBe("GET /stream?sessionId=diary");
    expect(asked()[1]).toBe("GET ?sessionId=diary&limit=500&waitMs=20000");
    await soon(40_000);
    expect(requests.filter(isStream)).toHaveLength(1);
    isRefused = false;
    for (let ms = 0; ms < 30_000 && requests.filter(isStream).length < 2; ms += 500) await soon(500);
    streams.at(-1)?.tell("snapshot", { tasks: [taskOf({ lastSeq: 2 })], more: false });
    await soon();
    expect(states.at(-1)).toBe("live");
    expect(watched.heard).toHaveLength(2);
    left.abort();
    await watched.end;
  });

  test.each([406, 429])("so it does for one task at %d", async (status) => {
    const { client } = fakeServer((request, url) => {
      if (isStream(request)) return problem(status, "too_much");
      if (url.pathname.endsWith("/one")) return json({ ...taskOf(), status: "completed", lastSeq: 3 });
      const after = Number(url.searchParams.get("after"));
      return json({ events: eventsTo(3).slice(after), nextAfter: 3, truncated: false });
    });
    const watched = collect(client().watch("one"));
    await soon(5_000);
    await watched.end;
    expect(watched.heard.map(({ event }) => event)).toEqual(eventsTo(3));
  });

  test("a task that is not there is no sign of that", async () => {
    const { client, requests } = fakeServer(() => problem(404, "not_found"));
    await expect(collect(client().watch("one")).end).rejects.toMatchObject({ code: "not_found" });
    expect(requests).toHaveLength(1);
  });

  test("a task's events come each once and in order, to the end", async () => {
    const all = eventsTo(7);
    const { client } = fakeServer((request, url) => {
      if (isStream(request)) return json({});
      if (url.pathname.endsWith("/one")) return json({ ...taskOf(), status: "completed", lastSeq: 7 });
      const after = Number(url.searchParams.get("after"));
      return json({ events: all.slice(after, after + 2), nextAfter: after + 2, truncated: after === 2 });
    });
    const watched = collect(client().watch("one"));
    await soon(20_000);
    await watched.end;
    expect(watched.heard.map(({ event }) => event)).toEqual(all);
    expect(watched.heard.map(({ truncated }) => truncated).indexOf(true)).toBe(2);
  });
});

describe("an older server, without streams and without waiting", () => {
  test("is polled with exponential backoff and full jitter, which news begin anew", async () => {
    let task = taskOf();
    const { client, asked, requests } = fakeServer((request, url) => {
      if (isStream(request)) return problem(404, "not_found");
      if (url.searchParams.has("waitMs")) return problem(400, "unknown_parameter", { field: "waitMs" });
      return page(task);
    });
    const left = new AbortController();
    const watched = collect(client().watchAll({ signal: left.signal }));
    const at: number[] = [];
    const began = performance.now();
    for (let count = requests.length; performance.now() < began + 40_000; await soon(50)) {
      if (requests.length > count) at.push(performance.now());
      count = requests.length;
    }
    expect(asked()).not.toContainEqual(expect.stringMatching(/waitMs.*waitMs/));
    const gaps = at.map((time, index) => time - (at[index - 1] ?? began));
    expect(gaps.at(-1)).toBeGreaterThan(4_500);
    const later = gaps.slice(3);
    expect([...later].sort((a, b) => a - b)).toEqual(later);
    task = taskOf({ lastSeq: 2 });
    await soon(6_000);
    const before = requests.length;
    await soon(1_000);
    expect(requests.length).toBeGreaterThan(before);
    expect(watched.heard).toHaveLength(2);
    left.abort();
    await watched.end;
  });
});

describe("a server in trouble", () => {
  test("is left alone for as long as it asks", async () => {
    let isUp = false;
    const { client, requests, streams } = fakeServer((request) =>
      isUp ? new FakeStream(request.signal) : problem(503, "unavailable", {}, { "Retry-After": "30" }),
    );
    const states: string[] = [];
    const left = new AbortController();
    const onState = (state: string) => void states.push(state);
    const watched = collect(client().watchAll({ signal: left.signal, onState }));
    await soon(29_000);
    expect(requests).toHaveLength(1);
    expect(states).toEqual(["reconnecting"]);
    isUp = true;
    await soon(2_000);
    expect(streams).toHaveLength(1);
    left.abort();
    await watched.end;
  });

  test("and so it is where it has no room for who waits", async () => {
    const { client, requests, asked } = fakeServer((request, url) => {
      if (isStream(request)) return problem(404, "not_found");
      if (!url.searchParams.has("waitMs")) return page(taskOf());
      return problem(429, "too_many_waits", {}, { "Retry-After": "9" });
    });
    const left = new AbortController();
    const watched = collect(client().watchAll({ signal: left.signal }));
    await soon(8_500);
    expect(requests).toHaveLength(2);
    await soon(1_000);
    expect(asked()[2]).toBe("GET ?limit=500");
    expect(watched.heard).toHaveLength(1);
    left.abort();
    await watched.end;
  });

  test.each(["-5", "soon", "Wed, 21 Oct 2015 07:28:00 GMT"])(
    "Retry-After: %s says nothing, and makes nobody hurry",
    async (time) => {
      const { client, requests } = fakeServer(() => problem(503, "unavailable", {}, { "Retry-After": time }));
      const left = new AbortController();
      const watched = collect(client().watchAll({ signal: left.signal }));
      await soon(3_000);
      expect(requests.length).toBeLessThan(5);
      left.abort();
      await watched.end;
    },
  );

  test("waitFor asks anew where a request dies unseen", async () => {
    let isDead = true;
    const result = { status: "completed", value: 1, truncated: null, lossy: [] };
    const { client, requests } = fakeServer(() => (isDead ? NEVER : json(result)));
    const waiting = client().waitFor("one");
    await soon(29_000);
    expect(requests).toHaveLength(1);
    isDead = false;
    await soon(3_000);
    expect(await waiting).toEqual(result);
  });

  test("a call tries three times, and not where it would have to wait long", async () => {
    const { client, requests } = fakeServer(() => {
      throw new TypeError("refused");
    });
    const call = expect(client().list()).rejects.toMatchObject({ code: "unreachable", status: 0 });
    await soon(20_000);
    await call;
    expect(requests).toHaveLength(3);
    const busy = fakeServer(() => problem(429, "slow_down", {}, { "Retry-After": "60" }));
    await expect(busy.client().list()).rejects.toMatchObject({ retryAfterMs: 60_000, code: "unavailable" });
    expect(busy.requests).toHaveLength(1);
  });

  test("a creation that is tried again has the same key", async () => {
    const { client, requests } = fakeServer(() =>
      requests.length < 2 ? problem(503, "unavailable") : json(taskOf(), 202),
    );
    const created = client().create({ tool: "build" });
    await soon(5_000);
    expect(await created).toEqual(taskOf());
    const [first, second] = requests.map((request) => request.headers.get("Idempotency-Key"));
    expect(first).toMatch(/^[ -~]{10,256}$/);
    expect(second).toBe(first);
  });

  test("waitFor outlasts it, and an unknown status is unfinished", async () => {
    const replies = [
      () => problem(503, "unavailable"),
      () => json({ ...taskOf(), status: "thinking" }, 202),
      () => json({ status: "completed", value: 1, truncated: null, lossy: [], weather: "fine" }),
    ];
    const { client, asked } = fakeServer(() => replies.shift()?.() ?? NEVER);
    const result = client().waitFor("one");
    await soon(10_000);
    expect(await result).toMatchObject({ status: "completed", value: 1, weather: "fine" });
    expect(asked()).toEqual(Array(3).fill("GET /one/result?waitMs=20000"));
  });
});

describe("states are kept with their ETag", () => {
  test("what has not changed is the very object, and the 32 that were asked for last are kept", async () => {
    const { client, requests } = fakeServer((request, url) => {
      const etag = `W/"${url.search}"`;
      if (request.headers.get("If-None-Match") === etag) return new Response(null, { status: 304 });
      return json({ tasks: [taskOf()], nextCursor: null }, 200, { ETag: etag });
    });
    const tasks = client();
    const first = await tasks.list({ limit: 1 });
    expect(await tasks.list({ limit: 1 })).toBe(first);
    expect(requests.map((request) => request.headers.get("If-None-Match"))).toEqual([null, 'W/"?limit=1"']);
    for (let limit = 2; limit <= 32; limit += 1) await tasks.list({ limit });
    expect(await tasks.list({ limit: 1 })).toBe(first);
    await tasks.list({ limit: 33 });
    expect(await tasks.list({ limit: 1 })).toBe(first);
    for (let limit = 34; limit <= 65; limit += 1) await tasks.list({ limit });
    expect(await tasks.list({ limit: 1 })).not.toBe(first);
  });
});

describe("what is not as it should be", () => {
  test.each([
    ["<html>", "The response must be an object. Is baseUrl that of a task handler?"],
    ["{}", "The response.tasks must be a list"],
    ['{"tasks":[{"id":1}],"nextCursor":null}', "The response.tasks[0].id must be string"],
    [JSON.stringify({ tasks: [taskOf()] }), "The response.nextCursor must be string|null"],
    [
      JSON.stringify({ tasks: [{ ...taskOf(), error: { code: "lost" } }], nextCursor: null }),
      "The response.tasks[0].error.message must be string",
    ],
  ])("%s: the error names the path", async (text, message) => {
    const { client } = fakeServer(() => new Response(text));
    await expect(client().list()).rejects.toMatchObject({
      name: "TaskClientError",
      code: "protocol",
      message: expect.stringContaining(message),
    });
  });

  test.each([
    [{ baseUrl: undefined }, "baseUrl must be a URL, or a path, not undefined."],
    [{ baseUrl: "/" }, "baseUrl must"],
    [{ baseUrl: "//evil.test/a" }, "baseUrl must"],
    [{ baseUrl: "/tasks?a=b" }, "baseUrl must"],
    [{ headers: "a" }, "headers must be object|function, not a."],
    [{ fetch: {} }, "fetch must be function"],
    [{ credentials: "none" }, "credentials must be omit|same-origin|include, not none."],
    [{ whenHidden: "sleep" }, "whenHidden must be close|keep, not sleep."],
    [{ baseURL: "/a" }, "There is no option baseURL."],
  ])("%j is refused", (options, message) => {
    const { client } = fakeServer(() => NEVER);
    const make = () => client(options as object);
    expect(make).toThrow(expect.objectContaining({ code: "invalid_option" }));
    expect(make).toThrow(message);
  });

  test.each(["", "..", "a/b", "a?b"])("the id %j leads nowhere", async (id) => {
    const { client, requests } = fakeServer(() => NEVER);
    await expect(client().get(id)).rejects.toThrow(`id must be the id of a task, not ${id}.`);
    await expect(client().waitFor(id)).rejects.toMatchObject({ code: "invalid_option" });
    expect(() => client().watch(id)).toThrow("id must be");
    expect(requests).toHaveLength(0);
  });
});
