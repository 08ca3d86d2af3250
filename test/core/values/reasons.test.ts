import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { errorMessage } from "../../../src/core/values/reasons.ts";

const throwing = {
  get: () => {
    throw new Error("never");
  },
};

describe("errorMessage", () => {
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();

  test.each<[string, unknown, string]>([
    ["an error", new Error("no"), "no"],
    ["an error without a message", new TypeError(), "TypeError"],
    ["null", null, "null"],
    ["undefined", undefined, "undefined"],
    ["a string", "no", "no"],
    ["a number", 42, "42"],
    ["a symbol", Symbol("no"), "Symbol(no)"],
    ["a bigint", 1n, "1"],
    ["an object with a message", { message: "no" }, "no"],
    ["an object with a toString", { toString: () => "no" }, "no"],
    ["an object without a message", { code: 5, status: "x" }, "an object with code, status"],
    ["a list of what says nothing", [[1], 2], "a list of 2"],
    ["an empty object", {}, "an object without a message"],
    ["a message that is no text", { message: { deep: 1 } }, "an object with message"],
    [
      "an error whose message throws",
      Object.defineProperty(new RangeError(), "message", throwing),
      "RangeError",
    ],
    [
      "an object whose toString throws",
      {
        toString: () => {
          throw new Error("never");
        },
      },
      "unreadable error",
    ],
    ["an object without a prototype", Object.create(null), "unreadable error"],
    ["a revoked proxy", revoked.proxy, "unreadable error"],
    ["a list whose length is no number", new Proxy([], { get: () => Symbol("no") }), "unreadable error"],
    ["bytes", new Uint8Array([1, 2, 3]), "3 bytes"],
    ["what fetch has answered", new Response("", { status: 404, statusText: "Not Found" }), "Not Found"],
  ])("%s", (_, thrown, expected) => {
    expect(errorMessage(thrown)).toBe(expected);
  });

  test("never throws", () => {
    fc.assert(
      fc.property(
        fc.anything({ withNullPrototype: true, withBigInt: true }),
        (thrown) => typeof errorMessage(thrown) === "string",
      ),
    );
  });
});

describe("the reason stands where it is not looked for", () => {
  const refused = (at: string) =>
    Object.assign(new Error(`connect ECONNREFUSED ${at}`), { code: "ECONNREFUSED" });
  const nested = (depth: number): Error =>
    depth === 0 ? new Error("root") : new Error(`level ${depth}`, { cause: nested(depth - 1) });
  const circular = new Error("round");
  circular.cause = { message: "and round", cause: circular };

  test.each<[string, unknown, string]>([
    [
      "fetch of a port where nobody listens",
      new TypeError("fetch failed", {
        cause: new AggregateError([refused("::1:9"), refused("127.0.0.1:9")]),
      }),
      "fetch failed: connect ECONNREFUSED ::1:9; connect ECONNREFUSED 127.0.0.1:9",
    ],
    [
      "Promise.any",
      new AggregateError([new Error("one"), "two", { detail: "three" }, 4, 5], "All promises were rejected"),
      "All promises were rejected: one; two; three; 2 more",
    ],
    [
      "Promise.any of fetches",
      new AggregateError(
        [new TypeError("fetch failed", { cause: new AggregateError([refused("::1:9")]) })],
        "None",
      ),
      "None: fetch failed: connect ECONNREFUSED ::1:9",
    ],
    [
      "a query of an ORM",
      new Error("Failed query: select 1", {
        cause: Object.assign(new Error("no such column"), { code: "42703" }),
      }),
      "Failed query: select 1: no such column (42703)",
    ],
    ["a code alone", Object.assign(new Error(""), { code: "ECONNRESET" }), "ECONNRESET"],
    ["a code of Node's own", Object.assign(new Error("bad"), { code: "ERR_INVALID_URL" }), "bad"],
    ["a code that is a word of ours", Object.assign(new Error("bad"), { code: "store_failed" }), "bad"],
    ["a cause as text", new Error("no", { cause: "timeout" }), "no: timeout"],
    ["a cause that is told already", new Error("no: late", { cause: new Error("late") }), "no: late"],
    ["causes as deep as four", nested(4), "level 4: level 3: level 2: level 1: root"],
    ["no deeper", nested(5), "level 5: level 4: level 3: level 2: level 1"],
    ["a cause of itself", circular, "round: and round"],
    ["an API's body", { error: { code: 429, message: "Rate limit reached" } }, "Rate limit reached"],
    ["an API's word", { error: "invalid_grant" }, "invalid_grant"],
    ["problem details", { title: "Unprocessable", status: 422, detail: "name is taken" }, "name is taken"],
    ["validation errors", { detail: [{ loc: ["a"], msg: "field required" }] }, "field required"],
    ["GraphQL", { data: null, errors: [{ message: "No field x" }, { message: "No y" }] }, "No field x; No y"],
    ["a list of errors", [{ message: "Unknown column x" }], "Unknown column x"],
    ["content blocks of MCP", [{ type: "text", text: "boom" }], "boom"],
    ["a result of MCP", { isError: true, content: [{ type: "text", text: "boom" }] }, "boom"],
    ["a name where there is no more", Object.assign(new Error(""), { name: "DriverError" }), "DriverError"],
    ["items that cannot be read", Object.defineProperty([1, "two"], "0", throwing), "two"],
  ])("%s", (_, thrown, expected) => {
    expect(errorMessage(thrown)).toBe(expected);
  });

  test("a huge value is not walked", () => {
    const wide = Array.from({ length: 1_000_000 }, () => ({ errors: [{}] }));
    const tangled: Record<string, unknown> = {};
    for (const key of ["error", "message", "detail", "content", "cause", "errors"])
      tangled[key] = [tangled, tangled];
    let deep: unknown[] = [];
    for (let level = 0; level < 100_000; level += 1) deep = [deep];
    expect(errorMessage(wide)).toBe("a list of 1000000");
    expect(errorMessage(tangled)).toBe("an object with error, message, detail, content, cause");
    expect(errorMessage(deep)).toBe("a list of 1");
    expect(errorMessage(new Uint8Array(30_000_000))).toBe("30000000 bytes");
  });

  test("nor are two that are almost the same compared to their ends", () => {
    // To their ends, it would take an hour.
    const half = "a".repeat(1_000_000);
    const outer = new Error("a".repeat(8_000_000), { cause: new Error(`${half}b${half}`) });
    expect(errorMessage(outer)).toHaveLength(8_000_000);
  });
});
