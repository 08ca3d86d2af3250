/** What becomes of streams and waits where the network, a proxy or the server fails. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { TasksUpdate, WatchedEvent } from "../../src/client/index.ts";
import { sqliteStore } from "../../src/stores/sqlite.ts";
import { until } from "../support/until.ts";
import type { Place } from "./places.ts";
import { Site } from "./site.ts";
import { ADA, begun, seqsOf } from "./tasks.ts";
import { startBuffering, startWire } from "./wires.ts";

export function network(place: Place): void {
  let directory: string;
  let site: Site;
  const closing: (() => Promise<void>)[] = [];
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "tool-offload-browser-"));
    const path = join(directory, "tasks.db");
    site = await new Site({ store: () => sqliteStore({ database: new Database(path) }) }).start();
  });
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
    await site.stop();
    rmSync(directory, { recursive: true });
  });

  async function seatBehind<Wire extends { origin: string; close(): Promise<void> }>(wire: Wire) {
    closing.push(wire.close);
    const seat = await place.seat(wire.origin);
    await seat.do("open", { baseUrl: `${wire.origin}/background-tasks`, tokens: ["ada-1"] });
    return { wire, seat };
  }

  test("the network is cut and comes back: every event once, and the newest states", async () => {
    const { wire, seat } = await seatBehind(await startWire(site.port));
    const task = await begun(site);
    await seat.do("watch", "task", task.id);
    await seat.do("watchAll", "all");
    await seat.hears<WatchedEvent>("task", ({ news }) => expect(news.length).toBeGreaterThan(0));
    await seat.hears<TasksUpdate>("all", ({ states }) => expect(states).toEqual(["live"]));
    wire.cut();
    task.write("while it was away");
    for (const name of ["task", "all"]) {
      await seat.hears(name, ({ states }) => expect(states.at(-1)).toBe("reconnecting"));
    }
    wire.mend();
    await seat.do("forward", 4_000);
    await seat.hears("all", ({ states }) => expect(states.at(-1)).toBe("live"));
    task.finish("done");
    const { news, end } = await seat.hears<WatchedEvent>("task", ({ end }) => expect(end).toBeDefined());
    expect(end).toBe("done");
    expect(news.map(({ event }) => event.seq)).toEqual(await seqsOf(site, task.id));
    expect(news.map(({ truncated }) => truncated)).not.toContain(true);
    await seat.hears<TasksUpdate>("all", ({ news }) =>
      expect(news.at(-1)).toMatchObject({ task: { id: task.id, status: "completed" } }),
    );
  });

  test("the server is started again on its port: nothing is told twice, nothing is left out", async () => {
    const { seat } = await seatBehind({ origin: site.origin, close: async () => undefined });
    const task = await begun(site);
    task.write("before");
    await seat.do("watch", "task", task.id);
    await seat.do("watchAll", "all");
    await seat.hears("task", ({ news }) => expect(news.length).toBeGreaterThan(1));
    await site.stop();
    await seat.hears("all", ({ states }) => expect(states.at(-1)).toBe("reconnecting"));
    await site.start();
    await seat.do("forward", 4_000);
    const { news } = await seat.hears<WatchedEvent>("task", ({ end }) => expect(end).toBe("done"));
    expect(news.map(({ event }) => event.seq)).toEqual(await seqsOf(site, task.id));
    expect(news.map(({ event }) => event.type)).toContain("task.failed");
    await seat.hears("all", ({ states }) => expect(states.at(-1)).toBe("live"));
    const other = await begun(site);
    await seat.hears<TasksUpdate>("all", ({ news }) =>
      expect(news.at(-1)).toMatchObject({ task: { id: other.id } }),
    );
    expect(await seat.call("get", task.id)).toEqual(await site.tasks.get(ADA, task.id));
  });

  test.each(["a task", "all tasks"])(
    "a proxy that buffers: %s is polled after 5 s, and its stream tried again after 60 s",
    async (what) => {
      const { wire, seat } = await seatBehind(await startBuffering(site.port));
      const { id } = await begun(site);
      if (what === "a task") await seat.do("watch", what, id);
      else await seat.do("watchAll", what);
      await until(() => expect(site.open).toHaveLength(1));
      await seat.do("forward", 6_000);
      const { news } = await seat.hears(what, ({ news }) => expect(news.length).toBeGreaterThan(0));
      await seat.hears(what, ({ states }) => expect(states.at(-1)).toBe("polling"));
      wire.passOn();
      // It looks twice or more until then: each of them has its time.
      await until(async () => {
        if (site.streams.length < 2) await seat.do("forward", 4_000);
        expect(site.streams).toHaveLength(2);
      });
      await seat.hears(what, ({ states }) => expect(states.at(-1)).toBe("live"));
      await site.tasks.cancel(ADA, id);
      await seat.hears(what, (recording) => expect(recording.news.length).toBeGreaterThan(news.length));
    },
  );

  test("a connection that dies unseen: streams and waits are asked for anew", async () => {
    const { wire, seat } = await seatBehind(await startWire(site.port));
    const task = await begun(site);
    await seat.do("watch", "task", task.id);
    await seat.hears("task", ({ states }) => expect(states).toEqual(["live"]));
    const result = seat.call("waitFor", task.id);
    await until(() => expect(site.open).toContain(`/${task.id}/result?waitMs=20000`));
    wire.freeze();
    task.finish("done");
    await seat.do("forward", 46_000);
    expect(await result).toMatchObject({ status: "completed", value: "done" });
    const { news } = await seat.hears<WatchedEvent>("task", ({ end }) => expect(end).toBe("done"));
    expect(news.map(({ event }) => event.seq)).toEqual(await seqsOf(site, task.id));
  });
}
