import { describe, expect, test, vi } from "vitest";
import { type Clock, steady, systemClock } from "../../../src/core/time/clock.ts";
import { momentOf, monotonicAt, stepSince } from "../../../src/core/time/moment.ts";
import { BackgroundTaskManager, TaskOffloadError } from "../../../src/index.ts";
import { TestClock, withoutMonotonic } from "../../support/test-clock.ts";

describe("a clock without durations", () => {
  const make = () => {
    const clock = new TestClock();
    const measured = steady(withoutMonotonic(clock));
    const began = measured.monotonic();
    return { clock, measured, passed: () => measured.monotonic() - began };
  };

  test("measures what its now says", () => {
    const { clock, passed } = make();
    clock.advance(40);
    expect(passed()).toBe(40);
    clock.advance(2);
    expect(passed()).toBe(42);
  });

  test("never goes back when that is set back, and goes on", () => {
    const { clock, passed } = make();
    clock.advance(40);
    expect(passed()).toBe(40);
    clock.step(-3_600_000);
    expect(passed()).toBe(40);
    clock.advance(2);
    expect(passed()).toBe(42);
  });

  test("knows of the time that its timers took, though it was set back meanwhile", () => {
    const { clock, measured, passed } = make();
    const fired = vi.fn(() => passed());
    measured.setTimeout(fired, 100);
    const cleared = measured.setTimeout(fired, 100);
    measured.clearTimeout(cleared);
    clock.step(-3_600_000);
    clock.advance(100);
    expect(fired.mock.results).toEqual([{ type: "return", value: 100 }]);
  });

  test("is measured once, whoever asks", () => {
    const clock = withoutMonotonic(new TestClock());
    expect(steady(clock)).toBe(steady(clock));
  });
});

test("a clock with durations is taken as it is", () => {
  const clock = new TestClock();
  expect(steady(clock)).toBe(clock);
});

test("the clock of the machine measures durations, and who spreads it to bring another now measures by that", () => {
  const before = systemClock.monotonic?.() ?? Number.NaN;
  expect(systemClock.monotonic?.()).toBeGreaterThanOrEqual(before);
  const mine: Clock = { ...systemClock, now: () => 7 };
  expect(mine.monotonic).toBeUndefined();
});

test("a monotonic that is no function is refused by name", () => {
  const clock = { ...systemClock, monotonic: 7 } as unknown as Clock;
  const make = () => new BackgroundTaskManager({ clock });
  expect(make).toThrow(TaskOffloadError);
  expect(make).toThrow("clock.monotonic must be a function; got 7");
});

describe("what two clocks say of the time since", () => {
  test("is the same while they go on, and apart by what one was set by", () => {
    const clock = new TestClock();
    const moment = momentOf(clock);
    clock.advance(5_000);
    expect(stepSince(moment, clock)).toBe(0);
    clock.step(-3_000);
    expect(stepSince(moment, clock)).toBe(3_000);
    clock.step(10_000);
    expect(stepSince(moment, clock)).toBe(7_000);
  });

  test("an instant of the wall is as long ago as it says, and none is to come", () => {
    const clock = new TestClock();
    clock.advance(5_000);
    expect(monotonicAt(clock.now() - 400, clock)).toBe(4_600);
    expect(monotonicAt(clock.now() + 400, clock)).toBe(5_000);
  });
});
