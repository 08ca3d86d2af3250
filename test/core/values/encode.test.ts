import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type EncodeOptions, encode } from "../../../src/core/values/encode.ts";

const parsed = (value: unknown, options?: EncodeOptions): unknown => JSON.parse(encode(value, options).json);
const lossy = (value: unknown): string[] => encode(value).lossy;

const anything = fc.anything({
  maxDepth: 4,
  withBigInt: true,
  withBoxedValues: true,
  withDate: true,
  withMap: true,
  withNullPrototype: true,
  withObjectString: true,
  withSet: true,
  withSparseArray: true,
  withTypedArray: true,
});

class Point {
  x = 1;
  y = 2;
}
class Empty {
  #hidden = 1;
  peek(): number {
    return this.#hidden;
  }
}

describe("what JSON can carry", () => {
  test("comes back as it was, with nothing lossy", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(parsed(value)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(lossy(value)).toEqual([]);
      }),
    );
  });

  test("is written as JSON.stringify writes it", () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => encode(value).json === JSON.stringify(value)));
  });

  test("includes -0, lone surrogates and objects from another realm", () => {
    expect(encode([-0])).toMatchObject({ json: "[0]", lossy: [] });
    expect(parsed("\ud800")).toBe("\ud800");
    expect(encode(runInNewContext("({ a: [1] })"))).toMatchObject({ json: '{"a":[1]}', lossy: [] });
    expect(encode(Object.assign(Object.create(null), { a: 1 }))).toMatchObject({
      json: '{"a":1}',
      lossy: [],
    });
  });

  test("keeps __proto__ as a key of its own", () => {
    const value: unknown = JSON.parse('{"__proto__":{"polluted":true}}');
    expect(encode(value)).toMatchObject({ json: '{"__proto__":{"polluted":true}}', lossy: [] });
  });

  test("repeats what is shared", () => {
    const shared = { a: 1 };
    expect(encode([shared, shared])).toMatchObject({ json: '[{"a":1},{"a":1}]', lossy: [] });
  });
});

describe("what JSON cannot carry becomes a text", () => {
  function named(): void {}
  test.each<[string, unknown, unknown]>([
    ["undefined", undefined, "[undefined]"],
    ["a function", named, "[Function named]"],
    [
      "an anonymous function",
      (
        () => () =>
          1
      )(),
      "[Function]",
    ],
    ["a symbol", Symbol("x"), "[Symbol(x)]"],
    ["a bigint", 123n, "[BigInt 123]"],
    ["NaN", Number.NaN, "[NaN]"],
    ["Infinity", Number.POSITIVE_INFINITY, "[Infinity]"],
    ["-Infinity", Number.NEGATIVE_INFINITY, "[-Infinity]"],
    ["a date", new Date(0), "1970-01-01T00:00:00.000Z"],
    ["an invalid date", new Date(Number.NaN), "[Date invalid]"],
    ["an error", new TypeError("no"), "[TypeError: no]"],
    ["an error without a message", new Error(), "[Error]"],
    ["an error with a tag of its own", new DOMException("stop", "AbortError"), "[AbortError: stop]"],
    ["an error of another realm", runInNewContext("new RangeError('far')"), "[RangeError: far]"],
    ["a regular expression", /x/g, "[RegExp /x/g]"],
    ["a map", new Map([["k", new Date(0)]]), { "[Map]": [["k", "1970-01-01T00:00:00.000Z"]] }],
    ["a set", new Set([1, 2n]), { "[Set]": [1, "[BigInt 2]"] }],
    ["a buffer", Buffer.from("hi"), "data:application/octet-stream;base64,aGk="],
    ["an array buffer", new Uint8Array([104, 105]).buffer, "data:application/octet-stream;base64,aGk="],
    [
      "a part of a buffer",
      new Uint8Array([0, 104, 105]).subarray(1),
      "data:application/octet-stream;base64,aGk=",
    ],
    ["a data view", new DataView(new ArrayBuffer(1)), "data:application/octet-stream;base64,AA=="],
    ["a boxed string", Object("a"), "a"],
    ["a boxed number", Object(1), 1],
    ["a boxed boolean", Object(false), false],
    ["a boxed bigint", Object(1n), "[BigInt 1]"],
    ["a boxed symbol", Object(Symbol("x")), "[Symbol(x)]"],
    ["a url, by its toJSON", new URL("https://a.example/"), "https://a.example/"],
    ["a plain object with a toJSON", { toJSON: () => 1 }, 1],
    ["a toJSON that answers nothing", { toJSON: () => undefined }, "[undefined]"],
    ["a toJSON that throws", { toJSON: () => fail("no") }, "[Unreadable: no]"],
    ["an instance with properties", new Point(), { x: 1, y: 2 }],
    ["an instance without", new Empty(), "[Empty]"],
    ["an instance with only a tag", Object.create({ [Symbol.toStringTag]: "Odd" }), "[Odd]"],
    ["a weak map", new WeakMap(), "[WeakMap]"],
    ["a generator", (function* () {})(), "[Generator]"],
    ["a promise", Promise.resolve(1), "[Promise]"],
  ])("%s", (_, value, expected) => {
    expect(parsed({ at: value })).toEqual({ at: expected });
    expect(lossy({ at: value })).toContain("/at");
    expect(parsed(value)).toEqual(expected);
    expect(lossy(value)).toContain("");
  });

  test("a toJSON that answers the object itself gives its properties", () => {
    class Self extends Point {
      toJSON(): this {
        return this;
      }
    }
    expect(parsed(new Self())).toEqual({ x: 1, y: 2 });
  });

  test("the holes of an array, and a length that lies", () => {
    // biome-ignore lint/suspicious/noSparseArray: holes are what is tested
    expect(encode([1, , 3])).toMatchObject({ json: '[1,"[undefined]",3]', lossy: ["/1"] });
    expect(JSON.parse(encode(new Array(2 ** 32 - 1)).json)).toHaveLength(1_000_000);
  });

  test("properties that JSON leaves out are left out, and their object says so", () => {
    const hidden = Object.defineProperty({ a: 1 }, "b", { value: 2, enumerable: false });
    expect(encode({ hidden })).toMatchObject({ json: '{"hidden":{"a":1}}', lossy: ["/hidden"] });
    expect(encode([{ [Symbol("key")]: 1 }])).toMatchObject({ json: "[{}]", lossy: ["/0"] });
  });

  test("an error whose message throws", () => {
    const error = Object.defineProperty(new Error(), "message", { get: () => fail("never") });
    expect(parsed(error)).toBe("[Error]");
  });

  test("only what throws is unreadable, not what stands beside it", () => {
    const value = {
      a: 1,
      get b() {
        return fail("later");
      },
    };
    expect(encode(value)).toMatchObject({ json: '{"a":1,"b":"[Unreadable: later]"}', lossy: ["/b"] });
  });

  test("a revoked proxy, of an object and of a function", () => {
    const object = Proxy.revocable({}, {});
    const callable = Proxy.revocable(() => {}, {});
    object.revoke();
    callable.revoke();
    expect(parsed([object.proxy])).toEqual([expect.stringMatching(/^\[Unreadable: .*revoked/)]);
    expect(parsed([callable.proxy])).toEqual([expect.stringMatching(/^\[Unreadable: .*revoked/)]);
  });

  test("a large buffer keeps every byte", () => {
    const bytes = Uint8Array.from({ length: 100_001 }, (_, index) => index % 251);
    const text = String(parsed(bytes));
    expect(Buffer.from(text.split(",")[1] ?? "", "base64").equals(bytes)).toBe(true);
  });
});

describe("paths", () => {
  test("are JSON Pointers into the text, each named once", () => {
    const value = { "a/b~c": [1, undefined], box: Object(Number.NaN), map: new Map([["k", 1n]]) };
    expect(lossy(value)).toEqual(["/a~1b~0c/1", "/box", "/map", "/map/[Map]/0/1"]);
  });

  test("are at most 100, then a last …", () => {
    expect(lossy(Array(100).fill(undefined))).toHaveLength(100);
    expect(lossy(Array(100).fill(Object(Number.NaN)))).toHaveLength(100);
    const many = lossy(Array(1_000).fill(undefined));
    expect(many).toHaveLength(101);
    expect(many.slice(-2)).toEqual(["/99", "…"]);
  });
});

describe("size and shape", () => {
  test("a cycle names its outer end", () => {
    const inner: { self?: unknown; root?: unknown; map?: unknown } = {};
    const root = { list: [inner] };
    inner.self = inner;
    inner.root = root;
    inner.map = new Map([["inner", inner]]);
    expect(parsed(root)).toEqual({
      list: [
        {
          self: "[Circular /list/0]",
          root: "[Circular]",
          map: { "[Map]": [["inner", "[Circular /list/0]"]] },
        },
      ],
    });
  });

  test("the 101st level of nesting is cut, the 100th is not", () => {
    expect(lossy(nested(100))).toEqual([]);
    expect(encode(nested(101)).json).toBe(`${"[".repeat(100)}"[Depth limit]"${"]".repeat(100)}`);
  });

  test("a graph that would unfold without end is cut", () => {
    let node: unknown = "leaf";
    for (let level = 0; level < 60; level++) node = { left: node, right: node };
    const { json } = encode(node);
    expect(json).toContain("[Size limit]");
    expect(() => JSON.parse(json)).not.toThrow();
  });

  test("text that would not fit a string is cut", () => {
    const mebibyte = "a".repeat(1024 * 1024);
    const { json, lossy } = encode(Array(600).fill(mebibyte));
    expect(json.length).toBeLessThan(2 ** 27);
    expect(json.endsWith('aaa","[Size limit]"]')).toBe(true);
    expect(lossy).toEqual(["/64"]);
  });

  test("so is one text that alone would not fit, and what follows it", () => {
    const { json } = encode({ a: 1, b: "x".repeat(65 * 1024 * 1024), c: 2, d: 3 });
    expect(json).toBe('{"a":1,"b":"[Size limit]","c":"[Size limit]"}');
  });

  test("a list is cut with one marker, and so is what follows it", () => {
    const kept = parsed({ list: Array(1_000_001).fill(0), next: 1, last: 1 }) as { list: unknown[] };
    expect(kept.list.at(-2)).toBe(0);
    expect(kept.list.at(-1)).toBe("[Size limit]");
    expect(Object.keys(kept)).toEqual(["list", "next"]);
  });
});

test("anything gives JSON text, and is told apart from plain JSON", () => {
  fc.assert(
    fc.property(anything, (value) => {
      const { json, lossy } = encode(value);
      expect(() => JSON.parse(json)).not.toThrow();
      if (lossy.length === 0) expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(value)));
    }),
    { numRuns: 500 },
  );
});

test("every lossy path leads to a value of the text", () => {
  fc.assert(
    fc.property(anything, (value) => {
      const { json, lossy } = encode(value);
      for (const path of lossy.filter((each) => each !== "…"))
        expect(resolve(JSON.parse(json), path)).toBeDefined();
    }),
  );
});

function fail(message: string): never {
  throw new Error(message);
}

function nested(levels: number): unknown {
  let value: unknown[] = [];
  for (let level = 1; level < levels; level++) value = [value];
  return value;
}

function resolve(root: unknown, path: string): unknown {
  const keys = path.split("/").slice(1);
  return keys.reduce<unknown>((value, key) => {
    return Reflect.get(Object(value), key.replaceAll("~1", "/").replaceAll("~0", "~"));
  }, root);
}
