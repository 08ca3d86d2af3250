import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { storeResult } from "../../../src/core/model/result.ts";

const MIB = 1024 * 1024;

/** It takes some milliseconds, and took a minute when all of a value was walked. */
const HANG_MS = 10_000;

function msOf(work: () => unknown): number {
  const from = performance.now();
  work();
  return performance.now() - from;
}

function cutOf(value: unknown, maxBytes = MIB) {
  const stored = storeResult(value, maxBytes);
  if (stored.kind !== "cut") throw new Error("It was kept whole.");
  return stored;
}

describe("bytes beyond the limit", () => {
  const bytes = Buffer.alloc(300_000_000, "otter");
  const asText = 2 + "data:application/octet-stream;base64,".length + 400_000_000;

  test.each([
    ["a Buffer", bytes],
    ["an ArrayBuffer", bytes.buffer],
    ["a typed array", new Uint32Array(bytes.buffer)],
    ["a DataView", new DataView(bytes.buffer)],
  ])("%s of 300 MB: its head, its tail and its size cost no more than these", (_, value) => {
    const stored = cutOf(value);
    expect(stored).toMatchObject({ bytes: asText, lossy: [""] });
    expect(stored).not.toHaveProperty("atLeast");
    const start = `"data:application/octet-stream;base64,${bytes.toString("base64", 0, MIB)}`;
    const end = `${bytes.toString("base64", bytes.length - MIB + 1)}"`;
    expect([stored.head.length, start.startsWith(stored.head)]).toEqual([MIB / 2 - 2, true]);
    expect([stored.tail.length, end.endsWith(stored.tail)]).toEqual([MIB / 2 - 2, true]);
    expect(msOf(() => storeResult(value, MIB))).toBeLessThan(HANG_MS);
  });

  test("are counted within an object too, and what stands beside them is there", () => {
    const { head, tail, bytes: size, ...rest } = cutOf({ name: "film", data: bytes, fps: 25 });
    expect(rest).toEqual({ kind: "cut", lossy: ["/data"] });
    expect(size).toBe('{"name":"film","data":,"fps":25}'.length + asText);
    expect(head).toMatch(/^\{"name":"film","data":"data:application/);
    expect(tail).toMatch(/","fps":25\}$/);
  });

  test("of any size, and any limit, are cut as their whole text would be", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.integer({ min: 16, max: 200 }), (data, maxBytes) => {
        const url = `data:application/octet-stream;base64,${Buffer.from(data).toString("base64")}`;
        const json = JSON.stringify({ a: [1, url, 2] });
        const stored = storeResult({ a: [1, data, 2] }, maxBytes);
        if (stored.kind === "whole") return void expect(stored.json).toBe(json);
        expect(json.startsWith(stored.head)).toBe(true);
        expect(json.endsWith(stored.tail)).toBe(true);
        expect(stored.bytes).toBe(json.length);
      }),
    );
  });
});

describe("a text beyond the limit", () => {
  test("costs no more than to count its bytes", () => {
    const text = "é".repeat(150_000_000);
    expect(cutOf(text)).toMatchObject({ bytes: 300_000_000 });
    expect(cutOf(text)).not.toHaveProperty("atLeast");
  });

  test("within an object is looked at no further than four times the limit", () => {
    const text = "\n".repeat(100_000_000);
    const stored = cutOf({ a: 1, text, z: 2 });
    expect(stored).toMatchObject({ atLeast: true, lossy: [] });
    expect(stored.head).toMatch(/^\{"a":1,"text":"\\n\\n/);
    expect(stored.tail).toMatch(/\\n","z":2\}$/);
    expect(stored.bytes).toBeGreaterThan(100_000_000);
    expect(stored.bytes).toBeLessThan(200_000_000);
    expect(msOf(() => storeResult({ text }, MIB))).toBeLessThan(HANG_MS);
  });
});

describe("the walk ends at four times the limit", () => {
  test("what is counted to its end has its true size", () => {
    const value = Array(300).fill("x".repeat(10));
    expect(cutOf(value, 1_000)).toMatchObject({ bytes: JSON.stringify(value).length });
    expect(cutOf(value, 1_000)).not.toHaveProperty("atLeast");
  });

  test.each<[string, () => unknown]>([
    ["a list", () => Array(10_000_000).fill(7)],
    ["an object of objects", () => Array(1_000_000).fill({ a: { b: 1 } })],
    ["a set", () => new Set(Array(1_000_000).keys())],
    ["a map", () => new Map(Array(300_000).entries())],
  ])("%s is walked no further, and its size is the least it can be", (_, make) => {
    const value = make();
    const stored = cutOf(value, 10_000);
    expect(stored).toMatchObject({ atLeast: true, tail: expect.stringContaining("[Size limit]") });
    expect(stored.bytes).toBeGreaterThan(20_000);
    expect(stored.bytes).toBeLessThan(100_000);
    expect(msOf(() => storeResult(value, 10_000))).toBeLessThan(HANG_MS);
  });

  test("a least size is never more than the true one, and what is cut is a piece of the text", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), fc.integer({ min: 1, max: 40 }), (value, maxBytes) => {
        const json = JSON.stringify(value);
        const stored = storeResult(value, maxBytes);
        if (stored.kind === "whole" || typeof value === "string") return;
        expect(stored.bytes).toBeLessThanOrEqual(Buffer.byteLength(json));
        if (!stored.atLeast) expect(stored.bytes).toBe(Buffer.byteLength(json));
        expect(json.startsWith(stored.head)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});
