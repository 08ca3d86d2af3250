import { describe, expect, test, vi } from "vitest";
import { collect, eventsTo, FakeStream, fakeServer, inFakeTime, json, problem, soon } from "./fake-server.ts";

inFakeTime();

const NOTHING = { tasks: [], nextCursor: null };

test("names of the host's headers count in any case, and those of ours are ours", async () => {
  const { client, requests } = fakeServer(() => json(NOTHING));
  const headers = { "content-type": "text/plain", ACCEPT: "text/html", authorization: "Bearer a" };
  await client({ headers }).list();
  await client({ headers })
    .create({ tool: "build" })
    .catch(() => undefined);
  const sent = requests.map((request) => request.headers);
  expect(sent.map((headers) => headers.get("Authorization"))).toEqual(["Bearer a", "Bearer a"]);
  expect(sent[1]?.get("Content-Type")).toBe("application/json");
});

test("headers that no request can have end a stream: they will be no better later", async () => {
  const { client, requests } = fakeServer((request) => new FakeStream(request.signal));
  const headers = () => ({ Authorization: "Bearer\na" });
  const watched = collect(client({ headers }).watchAll());
  await soon(1_000);
  await expect(watched.end).rejects.toThrow(TypeError);
  expect(requests).toHaveLength(0);
});

describe("headers that take as long as a user who signs in", () => {
  test("are asked for once, and keep no stream from being one", async () => {
    const { client, streams } = fakeServer((request) => new FakeStream(request.signal));
    let signIn: (headers: Record<string, string>) => void = () => undefined;
    const headers = vi.fn(
      () =>
        new Promise<Record<string, string>>((resolve) => {
          signIn = resolve;
        }),
    );
    const states: string[] = [];
    const left = new AbortController();
    const onState = (state: string) => void states.push(state);
    const watched = collect(client({ headers }).watch("one", { signal: left.signal, onState }));
    await soon(90_000);
    signIn({});
    await soon();
    streams[0]?.tell(null, eventsTo(2)[0] ?? {}, 1);
    await soon();
    expect(headers).toHaveBeenCalledTimes(1);
    expect(states).toEqual(["live"]);
    expect(watched.heard).toHaveLength(1);
    left.abort();
    await watched.end;
  });

  test("hold nobody who leaves", async () => {
    const { client } = fakeServer(() => json(NOTHING));
    const tasks = client({ headers: () => new Promise(() => undefined) });
    const left = new AbortController();
    const calls = [tasks.list(left), tasks.waitFor("one", left)];
    const iterator = tasks.watchAll()[Symbol.asyncIterator]();
    const next = iterator.next();
    await soon();
    left.abort("enough");
    for (const call of calls) await expect(call).rejects.toBe("enough");
    await iterator.return?.();
    expect((await next).done).toBe(true);
  });
});

test("a 401 that is asked again is read to its end, so that it holds no connection", async () => {
  const refusal = problem(401, "unauthenticated");
  const replies = [refusal, json(NOTHING)];
  const { client } = fakeServer(() => replies.shift() ?? json(NOTHING));
  expect(await client({ headers: () => ({}) }).list()).toEqual(NOTHING);
  expect(refusal.bodyUsed).toBe(true);
});
