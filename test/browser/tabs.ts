/** Several clients of one user, and those that nobody looks at. */

import { afterEach, beforeEach, expect, test } from "vitest";
import type { TasksUpdate, WatchedEvent } from "../../src/client/index.ts";
import { until } from "../support/until.ts";
import type { Place } from "./places.ts";
import type { Seat } from "./seat.ts";
import { Site } from "./site.ts";
import { begun } from "./tasks.ts";

let site: Site;

async function seated(place: Place, whenHidden?: "keep"): Promise<Seat> {
  const seat = await place.seat(site.origin);
  await seat.do("open", { baseUrl: site.baseUrl, tokens: ["ada-1"], whenHidden });
  return seat;
}

export function tabs(place: Place): void {
  beforeEach(async () => {
    site = await new Site().start();
  });
  afterEach(() => site.stop());

  test("two at once on one user see the same, and what one of them does", async () => {
    const seats = [await seated(place), await seated(place)] as const;
    for (const seat of seats) await seat.do("watchAll", "all");
    for (const seat of seats) await seat.hears("all", ({ news }) => expect(news).toHaveLength(1));
    const task = await begun(site);
    for (const seat of seats) await seat.do("watch", "task", task.id);
    for (const seat of seats) await seat.hears("task", ({ states }) => expect(states).toEqual(["live"]));
    await seats[0].call("cancel", task.id, { reason: "enough" });
    task.finish("too late");
    const heard = seats.map((seat) =>
      seat.hears<WatchedEvent>("task", ({ end }) => expect(end).toBe("done")),
    );
    const [one, other] = await Promise.all(heard);
    expect(one?.news).toEqual(other?.news);
    for (const seat of seats) {
      await seat.hears<TasksUpdate>("all", ({ news }) =>
        expect(news.at(-1)).toMatchObject({ task: { id: task.id, status: "cancelled" } }),
      );
    }
  });

  test("a loop that is left frees its connection at once", async () => {
    const seat = await seated(place);
    const task = await begun(site);
    await seat.do("watch", "task", task.id, 1);
    await seat.hears("task", ({ end }) => expect(end).toBe("done"));
    await until(() => expect(site.open).toEqual([]));
    await seat.do("watchAll", "all");
    await seat.hears("all", ({ states }) => expect(states).toEqual(["live"]));
    await seat.do("leave", "all");
    await seat.hears("all", ({ end }) => expect(end).toBe("done"));
    await until(() => expect(site.open).toEqual([]));
    await seat.do("forward", 120_000);
    expect(site.lines()).toHaveLength(2);
  });

  if (place.name === "Chromium") describeTabs(place);
}

function describeTabs(place: Place): void {
  test.each([
    [undefined, [], 2],
    ["keep", ["/stream"], 1],
  ] as const)("a hidden tab with whenHidden: %s", async (whenHidden, open, streams) => {
    const tab = await seated(place, whenHidden);
    await tab.do("watchAll", "all");
    await tab.hears("all", ({ news }) => expect(news).toHaveLength(1));
    await tab.do("show", "hidden");
    await until(() => expect(site.open).toEqual(open));
    const { id } = await begun(site);
    await tab.do("show", "visible");
    await tab.hears<TasksUpdate>("all", ({ news }) => expect(JSON.stringify(news)).toContain(id));
    expect(site.streams).toHaveLength(streams);
  });

  test("six connections are all that a host has: hidden tabs leave them to the one that is seen", async () => {
    const [tab, other] = [await seated(place), await seated(place)];
    const tasks = await Promise.all(Array.from({ length: 6 }, () => begun(site)));
    for (const { id } of tasks) await tab.do("watch", id, id);
    await until(() => expect(site.open).toHaveLength(6));
    await other.do("watchAll", "all");
    const listed = other.do("call", "list");
    // Whoever is no browser comes in, and those do not.
    expect((await fetch(site.origin)).ok).toBe(true);
    expect(site.asked).toHaveLength(6);
    await tab.do("show", "hidden");
    expect(await listed).toHaveProperty("value");
    await other.hears("all", ({ news }) => expect(news.length).toBeGreaterThan(0));
    expect(site.open).toEqual(["/stream"]);
  });
}
