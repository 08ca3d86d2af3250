import fc from "fast-check";
import { expect, test } from "vitest";
import { SortedList } from "../../../src/core/values/sorted-list.ts";

let comparisons = 0;

function numbers(values: Iterable<number> = []): SortedList<number, number> {
  const list = new SortedList<number, number>((one, other) => {
    comparisons += 1;
    return one - other;
  });
  for (const value of values) list.add(value);
  return list;
}

function shuffled(count: number): number[] {
  // 7919 is a prime: each number comes once.
  return Array.from({ length: count }, (_, index) => (index * 7919) % count);
}

const ascending = (one: number, other: number) => one - other;

test("it holds what a sorted array holds, whatever is added and deleted", () => {
  const step = fc.record({
    isAdded: fc.boolean(),
    start: fc.nat(2_000),
    count: fc.nat(700),
    by: fc.constantFrom(-1, 1, 3),
  });
  const property = fc.property(fc.array(step, { maxLength: 8 }), fc.nat(2_500), (steps, place) => {
    const list = numbers();
    const model = new Set<number>();
    for (const { isAdded, start, count, by } of steps) {
      for (let n = 0; n < count; n += 1) {
        const value = start + n * by;
        if (isAdded && !model.has(value)) list.add(value);
        if (!isAdded) expect(list.delete(value)).toBe(model.has(value));
        if (isAdded) model.add(value);
        else model.delete(value);
      }
    }
    const sorted = [...model].sort(ascending);
    expect([...list]).toEqual(sorted);
    expect([list.size, list.first()]).toEqual([sorted.length, sorted[0]]);
    expect([...list.descending()]).toEqual([...sorted].reverse());
    expect([...list.descending(place)]).toEqual(sorted.filter((value) => value < place).reverse());
  });
  fc.assert(property, { numRuns: 60 });
});

test("an empty list has nothing", () => {
  const list = numbers();
  expect([[...list], [...list.descending()], [...list.descending(5)]]).toEqual([[], [], []]);
  expect([list.first(), list.size, list.delete(1)]).toEqual([undefined, 0, false]);
});

test("only the very value is deleted", () => {
  const order = (one: { at: number }, other: { at: number }) => one.at - other.at;
  const list = new SortedList<{ at: number }, { at: number }>(order);
  list.add({ at: 1 });
  expect(list.delete({ at: 1 })).toBe(false);
  expect(list.size).toBe(1);
});

test("each step costs a few comparisons, however long the list is", () => {
  const list = numbers(shuffled(100_000));
  comparisons = 0;
  list.add(50_000.5);
  list.delete(50_000.5);
  list.add(100_000);
  list.descending(30_000).next();
  expect(comparisons).toBeLessThan(4 * 25);
});

test("reading a few values looks at no others", () => {
  const list = numbers(shuffled(10_000));
  comparisons = 0;
  const values = list.descending();
  expect([values.next().value, values.next().value, list.first()]).toEqual([9_999, 9_998, 0]);
  expect(comparisons).toBe(0);
});

test("a list that was thinned out keeps what is left", () => {
  const list = numbers(shuffled(100_000));
  for (let value = 0; value < 100_000; value += 1) if (value % 500 !== 0) list.delete(value);
  expect([...list]).toEqual(Array.from({ length: 200 }, (_, index) => index * 500));
});
