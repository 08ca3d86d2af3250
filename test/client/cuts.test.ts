import fc from "fast-check";
import { expect, test } from "vitest";
import {
  collect,
  eventsTo,
  FakeStream,
  fakeServer,
  inFakeTime,
  isStream,
  json,
  soon,
  taskOf,
} from "./fake-server.ts";

inFakeTime();

const EVENTS = eventsTo(12);
const GONE = 3;

/** What a stream from `after` on says, in bytes. The first events are gone from the log. */
function bytesFrom(after: number): Uint8Array {
  const gap = after < GONE ? "event: truncated\r\ndata: {}\r\n\r\n" : "";
  const rest = EVENTS.slice(Math.max(after, GONE));
  const told = rest.map((event) => `id: ${event.seq}\ndata: ${JSON.stringify(event)}\n\n`);
  return new TextEncoder().encode(`retry: 1000\n\n:\n\n${gap}${told.join("")}`);
}

/** One connection: how much of the stream comes, in chunks of which size, and whether it comes at all. */
const connection = fc.record({
  bytes: fc.nat(900),
  chunk: fc.integer({ min: 1, max: 200 }),
  way: fc.constantFrom("cut", "cut", "end", "json", "none"),
});

test("cut at random bytes, refused, and polled in between: every event once, in order", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(connection, { maxLength: 12 }), async (plan) => {
      const connections = [...plan];
      const { client } = fakeServer((request, url) => {
        const after = Number(url.searchParams.get("after"));
        if (url.pathname.endsWith("/one")) return json({ ...taskOf(), status: "completed", lastSeq: 12 });
        const page = EVENTS.slice(Math.max(after, GONE)).slice(0, 2);
        const paged = json({ events: page, nextAfter: after, truncated: after < GONE });
        const next = connections.shift();
        if (!isStream(request) || next?.way === "json") return paged;
        if (next?.way === "none") throw new TypeError("refused");
        if (after === EVENTS.length) return new Response(null, { status: 204 });
        const stream = new FakeStream(request.signal);
        const bytes = bytesFrom(after).subarray(0, next?.bytes);
        const chunk = next?.chunk ?? 1_000;
        for (let at = 0; at < bytes.length; at += chunk) stream.write(bytes.slice(at, at + chunk));
        setImmediate(() => setImmediate(() => (next?.way === "cut" ? stream.cut() : stream.end())));
        return stream;
      });
      const watched = collect(client().watch("one"));
      let isDone = false;
      watched.end.finally(() => {
        isDone = true;
      });
      for (let seconds = 0; !isDone && seconds < 600; seconds += 2) await soon(2_000);
      await watched.end;
      expect(watched.heard.map(({ event }) => event)).toEqual(EVENTS.slice(GONE));
      expect(watched.heard.map(({ truncated }) => truncated).lastIndexOf(true)).toBe(0);
    }),
    { numRuns: 60 },
  );
});
