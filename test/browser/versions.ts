/** A server that is newer than the client, and older ones. */

import type { ReadableWritablePair } from "node:stream/web";
import { afterEach, expect, test } from "vitest";
import type { TasksUpdate, WatchedEvent } from "../../src/client/index.ts";
import type { Place } from "./places.ts";
import { Site, type SiteOptions } from "./site.ts";
import { ADA, begun, seqsOf } from "./tasks.ts";

type Around = NonNullable<SiteOptions["around"]>;

/** A server of a later version: with a status, events, messages and properties that nobody knows yet. */
const newer: Around = (handle) => async (request) => {
  const response = await handle(request);
  const { status, headers, body } = response;
  if (body === null) return response;
  const isStream = headers.get("Content-Type") === "text/event-stream";
  const renewed = new TransformStream<string, string>({
    transform: (text, controller) => controller.enqueue((isStream ? MESSAGE : "") + renew(text)),
  });
  const text = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>);
  return new Response(text.pipeThrough(renewed).pipeThrough(new TextEncoderStream()), { status, headers });
};

const MESSAGE = 'event: weather\ndata: {"rain":true}\n\n';

function renew(text: string): string {
  return text
    .replaceAll('"status":"running"', '"status":"thinking","mood":{"good":true}')
    .replaceAll('"type":"task.output"', '"type":"task.thought","depth":3');
}

/** A server of before there were streams and waits. */
const older: Around = (handle) => async (request) => {
  const url = new URL(request.url);
  const headers = new Headers(request.headers);
  headers.delete("Accept");
  if (url.pathname.endsWith("/stream")) return problem(404, "not_found");
  const waits = url.searchParams.has("waitMs") && !url.pathname.endsWith("/result");
  if (waits) return problem(400, "unknown_parameter", "waitMs");
  return handle(new Request(request, { headers }));
};

/** One that takes a client at its word: there is no such type here. */
const strict: Around = (handle) => async (request) =>
  request.headers.get("Accept") === "text/event-stream" ? problem(406, "not_acceptable") : handle(request);

function problem(status: number, code: string, field?: string): Response {
  return Response.json({ type: "about:blank", title: "", detail: "", status, code, field }, { status });
}

export function versions(place: Place): void {
  let site: Site;
  afterEach(() => site.stop());

  async function seated(options: SiteOptions) {
    site = await new Site(options).start();
    const seat = await place.seat(site.origin);
    await seat.do("open", { baseUrl: site.baseUrl, tokens: ["ada-1"] });
    return seat;
  }

  test("a newer server: what nobody knows is passed on, and is not the end", async () => {
    const seat = await seated({ around: newer });
    const task = await begun(site);
    await seat.do("watch", "task", task.id);
    await seat.do("watchAll", "all");
    expect(await seat.call("get", task.id)).toMatchObject({ status: "thinking", mood: { good: true } });
    expect(await seat.call("result", task.id)).toBeUndefined();
    const result = seat.call("waitFor", task.id);
    task.write("a thought");
    await seat.hears<WatchedEvent>("task", ({ news }) =>
      expect(news.at(-1)?.event).toMatchObject({ type: "task.thought", depth: 3, chunk: "a thought" }),
    );
    await seat.hears<TasksUpdate>("all", ({ news }) =>
      expect(news[0]).toMatchObject({ tasks: [{ id: task.id, status: "thinking" }] }),
    );
    task.finish("done");
    expect(await result).toMatchObject({ status: "completed", value: "done" });
    const { news } = await seat.hears<WatchedEvent>("task", ({ end }) => expect(end).toBe("done"));
    expect(news.map(({ event }) => event.seq)).toEqual(await seqsOf(site, task.id));
  });

  const servers: [string, SiteOptions][] = [
    ["without streams and waits", { around: older }],
    ["that says 406", { around: strict }],
    ["whose host has switched streams off", { streams: false }],
  ];
  test.each(servers)("an older server, %s: it polls, and tells the same", async (_which, options) => {
    const seat = await seated(options);
    const task = await begun(site);
    await seat.do("watch", "task", task.id);
    await seat.do("watchAll", "all");
    await seat.hears("task", ({ news }) => expect(news.length).toBeGreaterThan(0));
    await seat.hears("all", ({ news }) => expect(news).toHaveLength(1));
    task.finish("done");
    await site.tasks.wait(ADA, [task.id]);
    // Where nobody waits, a poll comes after its time.
    await seat.do("forward", 4_000);
    const { news, states } = await seat.hears<WatchedEvent>("task", ({ end }) => expect(end).toBe("done"));
    expect(news.map(({ event }) => event.seq)).toEqual(await seqsOf(site, task.id));
    expect(states).toEqual(["polling"]);
    await seat.hears<TasksUpdate>("all", ({ news }) =>
      expect(news.at(-1)).toMatchObject({ tasks: [{ id: task.id, status: "completed" }] }),
    );
    expect(site.streams).toHaveLength(2);
  });
}
