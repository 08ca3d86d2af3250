import { isDeepStrictEqual } from "node:util";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalInput } from "../../../src/core/calls/canonical-input.ts";

const bytes = (...values: number[]) => Uint8Array.from(values);
const every = Uint8Array.from({ length: 256 }, (_, byte) => byte);
const inside = (value: unknown) => ({ deep: [{ value }] });

function looped(value: unknown): object {
  const loop: Record<string, unknown> = { value };
  loop.self = loop;
  return loop;
}

function nested(levels: number): unknown {
  return levels === 0 ? "end" : [nested(levels - 1)];
}

describe("equal by what they hold", () => {
  test.each<[string, () => unknown]>([
    ["texts, lone surrogates too", () => ["text", "\uD83D"]],
    ["numbers", () => [0, -0, 1.5, 1e21, Number.NaN, Number.POSITIVE_INFINITY]],
    ["bigints, booleans, nothing", () => [12n, true, null, undefined, { missing: undefined }]],
    ["lists with holes", () => Array(3)],
    ["objects without a prototype", () => Object.assign(Object.create(null), { a: 1 })],
    ["dates", () => [new Date(5), new Date(Number.NaN)]],
    ["maps and sets", () => [new Map([[{ a: 1 }, new Set([1, "1"])]]), new Set()]],
    ["every byte there is", () => every],
    [
      "bytes of each class",
      () => [Buffer.from("ab"), new Float32Array([1]), new DataView(new ArrayBuffer(2))],
    ],
    ["a stretch of bytes", () => Uint8Array.from([9, 1, 2, 9]).subarray(1, 3)],
    [
      "patterns, addresses, symbols of the registry",
      () => [/a/g, new URL("https://a.b/?c"), Symbol.for("x")],
    ],
    ["what is inside itself", () => looped(1)],
    ["a hundred levels", () => nested(97)],
    ["what comes from another realm", () => runInNewContext("({ a: [new Date(1), new Map([[1, 2]])] })")],
  ])("%s", (_, make) => {
    expect(canonicalInput(inside(make()))).toBe(canonicalInput(inside(make())));
  });

  test("in any order of their keys, and as it was before: plain JSON", () => {
    const input = { b: 1, a: { d: [true, null, "x"], c: 2 }, 10: 0, 9: 0 };
    const text = '{"10":0,"9":0,"a":{"c":2,"d":[true,null,"x"]},"b":1}';
    expect(canonicalInput(input)).toBe(text);
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(canonicalInput(value))).toEqual(value);
      }),
    );
  });
});

describe("told apart", () => {
  test.each<[string, unknown, unknown]>([
    ["a date and its text", new Date(0), "1970-01-01T00:00:00.000Z"],
    ["two dates", new Date(0), new Date(1)],
    ["undefined and its name", undefined, "undefined"],
    ["undefined and what stands for it in results", undefined, "[undefined]"],
    ["an undefined key and none", { a: undefined }, {}],
    ["undefined and a hole", [undefined], Array(1)],
    ["a hole and nothing", Array(1), []],
    ["a bigint and a number", 1n, 1],
    ["a bigint and a text", 1n, "1n"],
    ["0 and -0", 0, -0],
    ["NaN and null", Number.NaN, null],
    ["a map and a list", new Map([[1, 2]]), [[1, 2]]],
    ["a map and what stands for it in results", new Map([[1, 2]]), { "[Map]": [[1, 2]] }],
    ["two maps", new Map([[1, 2]]), new Map([[1, "2"]])],
    ["maps that are cut otherwise", new Map([[1, 2]]), new Set([1, 2])],
    ["two sets", new Set([1]), new Set(["1"])],
    ["bytes of two classes", bytes(0, 0, 128, 63), new Float32Array([1])],
    ["a Buffer and bytes", Buffer.from([1]), bytes(1)],
    ["bytes and what stands for them in results", bytes(1), "data:application/octet-stream;base64,AQ=="],
    ["two bytes that a text would confuse", bytes(0x80), bytes(0x20)],
    ["a boxed number and a number", new Number(1), 1],
    ["two patterns", /a/g, /a/i],
    ["two addresses", new URL("https://a.b/?c=1"), new URL("https://a.b/?c=2")],
    ["an address and its text", new URL("https://a.b/"), "https://a.b/"],
    ["loops of two kinds", looped(1), looped(2)],
    ["a loop and what it looks like", looped(1), { value: 1, self: "^0" }],
    ["a list with more to it", Object.assign([1], { extra: true }), [1]],
    ["what stands at two places", [["a"], "b"], [["a", "b"]]],
    ["names that quotes could end", { 'a":1,"b': 2 }, { a: 1, b: 2 }],
  ])("%s", (_, one, other) => {
    expect(canonicalInput(inside(one))).not.toBe(canonicalInput(inside(other)));
  });

  test("whatever is not strictly equal", () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withNullPrototype: true,
      withSet: true,
      withSparseArray: true,
      withTypedArray: true,
      maxDepth: 2,
    });
    fc.assert(
      fc.property(anything, anything, (one, other) => {
        if (canonicalInput(one) !== canonicalInput(other)) return;
        expect(isDeepStrictEqual(structuredClone(one), structuredClone(other))).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});

class Secretive {
  readonly #secret: string;
  constructor(secret: string) {
    this.#secret = secret;
  }
  reveal() {
    return this.#secret;
  }
}

class OwnDate extends Date {}
class OwnBytes extends Uint8Array {}
class OwnMap extends Map {}
class OwnList extends Array {}
class Parentless {}
Object.setPrototypeOf(Parentless.prototype, null);

const named = (name: string) => Object.assign(new Date(0), { name });

describe("equal only to itself", () => {
  test.each<[string, () => unknown]>([
    ["a file", () => new File(["cats"], "a.txt")],
    ["a blob", () => new Blob(["cats"])],
    ["search parameters", () => new URLSearchParams("a=1")],
    ["a form", () => new FormData()],
    ["headers", () => new Headers({ a: "b" })],
    ["a request", () => new Request("https://a.b/")],
    ["a stream", () => new ReadableStream()],
    ["a generator", () => [1].values()],
    ["a promise", () => Promise.resolve(1)],
    ["a function", () => () => 1],
    ["a symbol", () => Symbol("x")],
    ["a weak reference", () => new WeakRef({})],
    ["an error", () => new Error("no")],
    ["an instance with private fields", () => new Secretive("x")],
    ["an instance of a class without a parent", () => Object.create(Parentless.prototype)],
    ["a date of a class of one's own", () => new OwnDate(0)],
    ["bytes of a class of one's own", () => new OwnBytes(1)],
    ["a map of a class of one's own", () => new OwnMap()],
    ["a list of a class of one's own", () => new OwnList()],
    ["a boxed text", () => new String("x")],
    ["a date with a name", () => named("x")],
    ["shared memory", () => new Uint8Array(new SharedArrayBuffer(1))],
    [
      "a getter",
      () => ({
        get now() {
          return 1;
        },
      }),
    ],
    ["a hidden key", () => Object.defineProperty({}, "hidden", { value: 1, enumerable: false })],
    ["a symbol for a key", () => ({ [Symbol.for("x")]: 1 })],
    [
      "what only looks like a map",
      () => ({
        get [Symbol.toStringTag]() {
          return "Map";
        },
      }),
    ],
    ["an object made of another", () => Object.create({ a: 1 })],
    [
      "what throws when it is read",
      () =>
        new Proxy(
          {},
          {
            ownKeys: () => {
              throw new Error("no");
            },
          },
        ),
    ],
    ["too deep", () => nested(101)],
    ["too large", () => Array(1_000_001)],
    ["too long", () => ["x".repeat(64 * 1024 * 1024 + 1)]],
  ])("%s", (_, make) => {
    const one = inside(make());
    const other = inside(make());
    expect(canonicalInput(one)).toBe(canonicalInput(one));
    expect(canonicalInput(one)).not.toBe(canonicalInput(other));
  });

  test("a text that is too long has no identity: it equals nothing", () => {
    const text = "x".repeat(64 * 1024 * 1024 + 1);
    expect(canonicalInput(text)).not.toBe(canonicalInput(text));
  });

  test("and no text can feign it", () => {
    const file = new File([], "a");
    expect(canonicalInput(canonicalInput(file))).not.toBe(canonicalInput(file));
  });
});
