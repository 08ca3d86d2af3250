import fc from "fast-check";
import { expect, test } from "vitest";
import type { TaskInfo } from "../../src/client/index.ts";
import { strip } from "../../src/dashboard/app/strip.ts";
import { agoText, durationText } from "../../src/dashboard/app/times.ts";

const NOW = 1_000_000_000;

function task(startedAt: number, completedAt: number | null): TaskInfo {
  return { id: `${startedAt}`, createdAt: startedAt, startedAt, completedAt } as TaskInfo;
}

test("tasks that ran at the same time stand in lanes of their own, others in one", () => {
  const apart = strip([task(NOW - 10_000, NOW - 5_000), task(NOW - 30_000, NOW - 20_000)], NOW);
  expect(apart.bars.map(({ lane }) => lane)).toEqual([0, 0]);
  expect(apart).toMatchObject({ lanes: 1, most: 1, running: 0, spanName: "1 min" });
  const together = strip([task(NOW - 10_000, null), task(NOW - 30_000, null)], NOW);
  expect(together.bars.map(({ lane }) => lane)).toEqual([0, 1]);
  expect(together).toMatchObject({ lanes: 2, most: 2, running: 2 });
});

test("no bar leaves the strip or lies on another, whatever ran when", () => {
  const tasks = fc.array(fc.tuple(fc.integer({ min: 0, max: 700_000_000 }), fc.option(fc.nat(100_000_000))), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(tasks, (all) => {
      const ran = all.map(([ago, ms]) => task(NOW - ago, ms === null ? null : Math.min(NOW, NOW - ago + ms)));
      const newestFirst = ran.toSorted((a, b) => b.createdAt - a.createdAt);
      const { bars, lanes } = strip(newestFirst, NOW);
      for (const bar of bars) {
        expect(bar.x).toBeGreaterThanOrEqual(0);
        expect(bar.x + bar.width).toBeLessThanOrEqual(1_000.001);
        expect(bar.lane).toBeLessThan(lanes);
        const beside = bars.filter((other) => other !== bar && other.lane === bar.lane);
        expect(beside.every((other) => other.x + other.width <= bar.x || bar.x + bar.width <= other.x)).toBe(
          true,
        );
      }
    }),
  );
});

test.each([
  [0, "0 ms"],
  [850, "850 ms"],
  [12_400, "12 s"],
  [200_000, "3 min 20 s"],
  [3_600_000, "1 h"],
  [7_500_000, "2 h 5 min"],
  [273_600_000, "3 d 4 h"],
])("%i ms are %s", (ms, text) => {
  expect(durationText(ms)).toBe(text);
});

test("how long ago something was is said roughly", () => {
  expect([0, 59_000, 61_000, 7_300_000, 200_000_000].map((ago) => agoText(NOW - ago, NOW))).toEqual([
    "just now",
    "just now",
    "1 min ago",
    "2 h ago",
    "2 d ago",
  ]);
});
