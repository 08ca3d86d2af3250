/** A 401 in the midst of a stream. */

import { afterEach, beforeEach, expect, test } from "vitest";
import type { TasksUpdate, WatchedEvent } from "../../src/client/index.ts";
import { until } from "../support/until.ts";
import type { Place } from "./places.ts";
import type { Seat } from "./seat.ts";
import { Site } from "./site.ts";
import { begun, seqsOf } from "./tasks.ts";
import { startWire } from "./wires.ts";

export function signIn(place: Place): void {
  let site: Site;
  let wire: Awaited<ReturnType<typeof startWire>>;
  let seat: Seat;
  beforeEach(async () => {
    site = await new Site().start();
    wire = await startWire(site.port);
    seat = await place.seat(wire.origin);
  });
  afterEach(async () => {
    await wire.close();
    await site.stop();
  });

  test("a token that is over in the midst of a stream: the headers are asked for once more", async () => {
    await seat.do("open", {
      baseUrl: `${wire.origin}/background-tasks`,
      tokens: ["ada-1", "ada-1", "ada-2"],
    });
    const task = await begun(site);
    await seat.do("watch", "task", task.id);
    await seat.hears("task", ({ states }) => expect(states).toEqual(["live"]));
    site.users.delete("ada-1");
    site.users.set("ada-2", "ada");
    wire.endAll();
    task.write("meanwhile");
    await until(() => expect(site.lines()).toHaveLength(3));
    task.finish("done");
    const { news } = await seat.hears<WatchedEvent>("task", ({ end }) => expect(end).toBe("done"));
    expect(news.map(({ event }) => event.seq)).toEqual(await seqsOf(site, task.id));
    expect(site.lines()[1]).toMatch(/ 401$/);
    // At each end of the stream, and the one time more.
    expect(await seat.do("asked")).toBe(4);
  });

  test("where that is refused too, streams end with it until the next call", async () => {
    await seat.do("open", { baseUrl: `${wire.origin}/background-tasks`, tokens: ["ada-1"] });
    const task = await begun(site);
    await seat.do("watch", "task", task.id);
    await seat.do("watchAll", "all");
    for (const name of ["task", "all"]) {
      await seat.hears(name, ({ states }) => expect(states).toEqual(["live"]));
    }
    site.users.delete("ada-1");
    wire.endAll();
    const refused = { name: "TaskClientError", code: "signed_out", status: 401, problem: "unauthenticated" };
    for (const name of ["task", "all"]) {
      await seat.hears(name, ({ end }) => expect(end).toMatchObject(refused));
    }
    expect(await seat.do("asked")).toBe(6);
    await seat.do("forward", 120_000);
    expect(site.lines()).toHaveLength(6);
    expect(await seat.fails("list")).toMatchObject(refused);
    site.users.set("ada-2", "ada");
    await seat.do("tokens", ["ada-2"]);
    await seat.do("watchAll", "anew");
    await seat.hears<TasksUpdate>("anew", ({ news }) =>
      expect(news[0]).toMatchObject({ tasks: [{ id: task.id }] }),
    );
  });
}
