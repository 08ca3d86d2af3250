import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { describeError, summarize } from "../../../src/core/values/summary.ts";

const of = (input: unknown, toolName = "f"): string => summarize({ toolName, input });
const throwing = (): never => {
  throw new Error("never");
};

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

function expectOneLine(line: string, max: number): void {
  expect([...line].length).toBeLessThanOrEqual(max);
  expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u);
}

describe("a summary", () => {
  const examples: [input: unknown, expected: string][] = [
    [{ query: "cats", limit: 5 }, 'f(query="cats", limit=5)'],
    [{ user: "bob", password: "hunter2" }, 'f(user="bob", password=***)'],
    ["hello", 'f("hello")'],
    [undefined, "f()"],
    [null, "f()"],
    [{}, "f()"],
    [42, "f(42)"],
    [-0, "f(0)"],
    [{ v: { a: 1, b: { c: 2 } } }, "f(v={a: 1, b: {…}})"],
    [{ v: { a: 1, b: 2, c: 3, d: 4 } }, "f(v={a: 1, b: 2, … 2 more})"],
    [Array.from({ length: 100 }, (_, index) => index + 1), "f([1, 2, … 98 more])"],
    [{ v: [1, [2, [3]]] }, "f(v=[1, […]])"],
    [{ v: [1, 2, 3] }, "f(v=[1, 2, 3])"],
    [{ v: 1n, w: undefined, x: null, y: Number.NaN, z: true }, "f(v=1n, w=undefined, x=null, y=NaN, z=true)"],
    [{ v: new Date(0) }, "f(v=1970-01-01T00:00:00.000Z)"],
    [{ v: throwing, w: Symbol("s") }, "f(v=[Function throwing], w=[Symbol(s)])"],
    [{ v: new Map([[1, 2]]), w: new Uint8Array(9), x: /x/g }, "f(v=[Map], w=[Uint8Array], x=[RegExp /x/g])"],
    [{ v: new TypeError("no") }, "f(v=[TypeError: no])"],
    [{ v: 'say "hi"\nthere' }, String.raw`f(v="say \"hi\" there")`],
    [{ v: "x".repeat(100) }, `f(v="${"x".repeat(39)}…")`],
    [{ url: "https://u:p@h/?token=abc&q=1" }, 'f(url="https://***@h/?token=***&q=1")'],
    [{ headers: { Authorization: "Bearer abc" } }, "f(headers={Authorization: ***})"],
    [{ maxTokens: 500 }, "f(maxTokens=500)"],
    [{ "https://u:p@h": 1 }, "f(https://***@h=1)"],
    [{ "a\nb": 1 }, "f(a b=1)"],
  ];

  test.each(examples.map(([input, expected]) => ({ input, expected })))(
    "$expected",
    ({ input, expected }) => {
      expect(of(input)).toBe(expected);
    },
  );

  test("is cut at 128 code points", () => {
    const line = of(
      Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`argument${index}`, "😀".repeat(30)])),
    );
    expect([...line]).toHaveLength(128);
    expect(line.endsWith("…")).toBe(true);
  });

  test("takes a tool name of any length", () => {
    expect(of({ a: 1 }, `a\n${"b".repeat(1_000_000)}`)).toBe(`a ${"b".repeat(61)}…(a=1)`);
  });

  test("is one short clean line for anything", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), anything, (toolName, input) => {
        expectOneLine(of(input, toolName), 128);
      }),
      { numRuns: 500 },
    );
  });

  test("never walks a large or a deep input", () => {
    let deep: unknown = 1;
    for (let level = 0; level < 100_000; level++) deep = { deep };
    let reads = 0;
    const counted = new Proxy(Array(1_000_000).fill(0), {
      get: (list, key) => {
        reads += 1;
        return Reflect.get(list, key);
      },
    });
    expect(of({ deep, counted })).toBe("f(deep={deep: {…}}, counted=[0, 0, … 999998 more])");
    expect(reads).toBeLessThan(10);
    expect(of({ v: new Uint8Array(50_000_000) })).toBe("f(v=[Uint8Array])");
  });

  test("of a huge text reads only its start", () => {
    expect([...of({ text: "password ".repeat(5_000_000) })].length).toBeLessThan(128);
  });
});

describe("secrets", () => {
  test("under a secret key never appear, at any depth, in any company", () => {
    const key = fc.constantFrom(
      "password",
      "api_key",
      "Authorization",
      "session-token",
      "clientSecret",
      "cookies",
    );
    const secret = "hunter2secret";
    const planted = fc.oneof(
      fc.constant<unknown>(secret),
      fc.constant<unknown>([secret]),
      fc.constant<unknown>({ value: secret }),
    );
    const path = fc.array(fc.oneof(fc.constant<"list">("list"), fc.constant<"record">("record")), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(
        key,
        planted,
        path,
        fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 3 }),
        (name, value, steps, beside) => {
          let input: unknown = { [name]: value, ...beside };
          for (const step of steps) input = step === "list" ? [input] : { inner: input, ...beside };
          expect(of(input)).not.toContain("hunter2");
        },
      ),
    );
  });

  test("inside a text are masked before it is cut", () => {
    const line = of({ url: `https://user:${"p".repeat(2_000)}@host` });
    expect(line).toBe('f(url="https://***@host")');
  });
});

describe("a tool's own summary", () => {
  const by = (own: (input: unknown) => unknown): string =>
    summarize({ toolName: "f", input: { a: 1 }, summarize: own as (input: unknown) => string });

  test("takes the text's place, on one line, masked and cut", () => {
    expect(by(() => "Sends\nmail with password=hunter2")).toBe("Sends mail with password=***");
    expect([...by(() => "😀".repeat(1_000))]).toHaveLength(128);
    expect(
      summarize({ toolName: "f", input: { to: "bob" }, summarize: (input) => `Mail to ${input.to}` }),
    ).toBe("Mail to bob");
  });

  test.each<[string, () => unknown]>([
    ["throws", throwing],
    ["answers nothing", () => undefined],
    ["answers a number", () => 5],
    ["answers only blanks", () => " \n\u200b "],
    ["answers a promise, even one that rejects", () => Promise.reject(new Error("late"))],
  ])("that %s falls back", (_, own) => {
    expect(by(own)).toBe("f(…)");
  });
});

describe("a host's redact", () => {
  const by = (input: unknown, redact: (key: string, value: unknown) => unknown): string =>
    summarize({ toolName: "f", input, redact });

  test("is asked for each property shown, beside the built-in masking", () => {
    const asked: string[] = [];
    const line = by({ email: "a@b.c", inner: { email: "d" }, list: ["x"], password: "p" }, (key, value) => {
      asked.push(key);
      return key === "email" ? "hidden" : value;
    });
    expect(line).toBe('f(email="hidden", inner={email: "hidden"}, list=["x"], password=***)');
    expect(asked).toEqual(["email", "inner", "email", "list", "0", "password"]);
  });

  test("cannot undo the built-in masking", () => {
    const redact = (key: string, value: unknown) =>
      key === "user" ? { password: "hunter2", text: "token=abc" } : value;
    expect(by({ user: 1, password: 2 }, redact)).toBe(
      'f(user={password: ***, text: "token=***"}, password=***)',
    );
  });

  test("that throws masks the value", () => {
    expect(by({ user: "bob" }, throwing)).toBe("f(user=***)");
  });
});

describe("what cannot be read", () => {
  test("shows as …", () => {
    const revoked = Proxy.revocable({}, {});
    revoked.revoke();
    expect(of(revoked.proxy)).toBe("f(…)");
    expect(of({ a: 1, b: revoked.proxy })).toBe("f(a=1, b=…)");
    expect(
      of({
        a: 1,
        get b() {
          return throwing();
        },
      }),
    ).toBe("f(a=1, b=…)");
  });
});

describe("describeError", () => {
  test("is one line, masked and cut", () => {
    expect(describeError(new Error("GET https://u:p@h failed\npassword=x"))).toBe(
      "GET https://***@h failed password=***",
    );
    expect(describeError(null)).toBe("null");
    expect([...describeError(new Error("😀".repeat(10_000)))]).toHaveLength(512);
  });

  test("tells the cause, however long what stands before it is", () => {
    const query = new Error(`Failed query: ${"select ".repeat(500)}`, { cause: new Error("no such column") });
    expect(describeError(query)).toMatch(/^Failed query: select .*…: no such column$/);
    expect([...describeError(query)]).toHaveLength(512);
    const both = new Error("a".repeat(9_000), { cause: new Error("b".repeat(9_000)) });
    expect(describeError(both)).toMatch(/^a{250,}…: b{250,}…$/);
  });

  test("masks each message as a whole, and asks the host's redact for each", () => {
    const secret = new Error(`${"x".repeat(300)} password=${"s3cret".repeat(50)}`, {
      cause: { error: { message: "token=abc123" } },
    });
    expect(describeError(secret)).not.toMatch(/s3cret|abc123/);
    const redact = (_: string, value: unknown) => String(value).toUpperCase();
    expect(describeError(new Error("no", { cause: new Error("why") }), redact)).toBe("NO: WHY");
  });

  test("asks the host's redact", () => {
    const redact = (key: string, value: unknown) =>
      key === "message" ? String(value).replace("bob", "someone") : value;
    expect(describeError(new Error("no bob, token=abc"), redact)).toBe("no someone, token=***");
    expect(describeError(new Error("no"), () => undefined)).toBe("***");
    expect(describeError(new Error("no"), throwing)).toBe("***");
  });

  test("is one clean line for anything, even ten megabytes", () => {
    fc.assert(fc.property(anything, (thrown) => expectOneLine(describeError(thrown), 512)));
    expectOneLine(describeError("a\n".repeat(5_000_000)), 512);
  });

  test("masks what follows a secret flag in a list of arguments", () => {
    expect(of({ args: ["--password", "hunter2"] })).toBe('f(args=["--password", ***])');
  });

  test("is not fooled by what it will remove", () => {
    expect(of({ "pass\u200Bword": "hunter2" })).not.toContain("hunter2");
    expect(describeError(new Error("password:\n hunter2"))).not.toContain("hunter2");
    expect(describeError(new Error("pass\u200Bword=hunter2"))).not.toContain("hunter2");
    expect(describeError(new Error("Bearer\nhunter2"))).not.toContain("hunter2");
  });
});
