/** What a browser asks of a server, of its own origin and of another. */

import { afterEach, beforeEach, expect, test } from "vitest";
import * as z from "zod";
import type { TaskInfo, WatchedEvent } from "../../src/client/index.ts";
import type { Place } from "./places.ts";
import type { Seat } from "./seat.ts";
import { Site, type SiteOptions } from "./site.ts";
import { begun, seqsOf } from "./tasks.ts";
import { startWire } from "./wires.ts";

const closing: (() => Promise<void>)[] = [];

async function started(options: SiteOptions = {}): Promise<Site> {
  const site = await new Site(options).start();
  closing.push(() => site.stop());
  return site;
}

export function origins(place: Place): void {
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  test("the same origin: what has not changed is a 304, and the very object", async () => {
    const site = await started();
    const seat = await place.seat(site.origin);
    await seat.do("open", { baseUrl: site.baseUrl, tokens: ["ada-1"] });
    const { id } = await begun(site);
    expect(await seat.do("same", "list", { limit: 5 })).toBe(true);
    expect(await seat.do("same", "get", id)).toBe(true);
    expect(site.lines()).toEqual([
      "GET ?limit=5 200",
      "GET ?limit=5 304",
      `GET /${id} 200`,
      `GET /${id} 304`,
    ]);
  });

  if (place.name === "Chromium") describeOrigins(place);
}

function describeOrigins(place: Place): void {
  let pages: Site;
  let seat: Seat;
  beforeEach(async () => {
    pages = await started();
    seat = await place.seat(pages.origin);
  });

  /** What a host has to allow, as the manual says. */
  const corsFor = (more: Record<string, string> = {}) => ({
    headers: { "Access-Control-Allow-Origin": pages.origin, ...more },
    allow: "Authorization, Content-Type, Idempotency-Key, If-None-Match",
  });

  test("another origin, with cookies: neither reading nor resuming needs a preflight", async () => {
    const cors = corsFor({ "Access-Control-Allow-Credentials": "true" });
    const site = await started({ cors });
    const wire = await startWire(site.port);
    closing.push(wire.close);
    await place.context().addCookies([{ name: "user", value: "ada-1", url: site.origin }]);
    await seat.do("open", { baseUrl: `${wire.origin}/background-tasks`, credentials: "include" });
    const task = await begun(site);
    await seat.do("watch", "task", task.id);
    await seat.hears("task", ({ states }) => expect(states).toEqual(["live"]));
    wire.endAll();
    task.write("meanwhile");
    task.finish("done");
    const { news } = await seat.hears<WatchedEvent>("task", ({ end }) => expect(end).toBe("done"));
    expect(news.map(({ event }) => event.seq)).toEqual(await seqsOf(site, task.id));
    expect(await seat.do("same", "list")).toBe(true);
    expect(site.asked.map(({ method }) => method)).not.toContain("OPTIONS");
    expect(site.lines().slice(-2)).toEqual(["GET  200", "GET  200"]);
  });

  test("another origin, with tokens: all calls, 304s where ETag is exposed, and Retry-After", async () => {
    const expose = { "Access-Control-Expose-Headers": "ETag, Retry-After" };
    const execute = async ({ branch }: { branch: string }) => `built ${branch}`;
    const tools = { build: { description: "", schema: z.object({ branch: z.string() }), execute } };
    const allowedOrigins = [pages.origin];
    const site = await started({ cors: corsFor(expose), allowedOrigins, tools, streams: { perUser: 1 } });
    await seat.do("open", { baseUrl: site.baseUrl, tokens: ["ada-1"] });
    const task = await seat.call<TaskInfo>("create", { tool: "build", input: { branch: "main" } });
    expect(await seat.call("waitFor", task.id)).toMatchObject({ value: "built main" });
    expect(await seat.fails("create", { tool: "build", input: {} })).toMatchObject({
      code: "refused",
      field: "input.branch",
      problem: "invalid_body",
    });
    const other = await begun(site);
    expect(await seat.call("cancel", other.id)).toMatchObject({ cancel: { by: "user" } });
    other.finish(undefined);
    await site.tasks.wait({ userId: "ada" }, [other.id]);
    expect(await seat.do("same", "list")).toBe(true);
    expect(site.lines().at(-1)).toBe("GET  304");
    await site.tasks.close({ drainMs: 0 });
    const { retryAfterMs } = await seat.fails("create", { tool: "build", input: { branch: "main" } });
    expect(retryAfterMs).toBeGreaterThan(0);
  });

  test("another origin that allows nothing: no response comes, and the error says so", async () => {
    const site = await started();
    await seat.do("open", { baseUrl: site.baseUrl, tokens: ["ada-1"] });
    expect(await seat.fails("list")).toMatchObject({ code: "unreachable", status: 0 });
  });
}
