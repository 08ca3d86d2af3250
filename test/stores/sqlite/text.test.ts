import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeText, encodeNullable, encodeText } from "../../../src/stores/sqlite/text.ts";
import { sqliteStore } from "../../../src/stores/sqlite.ts";
import { makeTask } from "../../../src/testing/make-task.ts";
import { change, LONG_MS, NO_LIMITS, output, whole } from "../../../src/testing/suite/lab.ts";
import { DRIVERS } from "./lab.ts";

/** Any UTF-16 code units, those with a meaning here more often than not. */
const text = fc
  .array(
    fc.oneof(
      fc.constantFrom(0, 1, 0x30, 0x31, 0xff, 0x100, 0xd7fe, 0xd7ff, 0xd800, 0xdbff, 0xdc00, 0xdfff, 0xe000),
      fc.integer({ min: 0, max: 0xffff }),
    ),
    { maxLength: 6 },
  )
  .map((units) => String.fromCharCode(...units));

describe("names are escaped", () => {
  test("so that they come back", () => {
    fc.assert(fc.property(text, (name) => decodeText(encodeText(name)) === name));
  });

  test("so that none of them stands for no name", () => {
    fc.assert(fc.property(text, (name) => encodeNullable(name) !== encodeNullable(null)));
  });

  test("without what SQLite cannot keep", () => {
    fc.assert(
      fc.property(text, (name) => {
        expect(encodeText(name)).not.toContain("\0");
        expect(encodeText(name)).not.toMatch(/\p{Cs}/u);
      }),
    );
  });

  test("and stay in the order of their code points, which is that of their bytes", () => {
    const points = (name: string) => [...name].map((one) => one.codePointAt(0) ?? 0);
    fc.assert(
      fc.property(text, text, (one, other) => {
        const order = Buffer.compare(Buffer.from(encodeText(one)), Buffer.from(encodeText(other)));
        expect(Math.sign(order)).toBe(comparePoints(points(one), points(other)));
      }),
    );
  });

  test("most are kept as they are", () => {
    for (const name of ["ada", "é😀\n\t", `'"\\`, "\u0002", "\ue000"]) expect(encodeText(name)).toBe(name);
  });
});

/** Names that are one and the same to a driver as it is. */
const ALIKE = [
  "a",
  "a\0",
  "a\0b",
  "a\u0001",
  "a\u00010",
  "\ud800",
  "\ud801",
  "\udfff",
  "\ufffd",
  "\ud7ff",
  "\ud7ffĀ",
];

describe.each(DRIVERS)("on $name", ({ open }) => {
  test("names that look alike to SQLite are not the same", async () => {
    const store = sqliteStore({ database: open(":memory:") });
    const strict = { runningPerUser: 1, runningPerSession: 1, queuedPerUser: 1, exclusive: true };
    for (const name of ALIKE) {
      const task = makeTask({ id: name, userId: name, sessionId: name, duplicateKey: name, owner: name });
      expect(await store.insert({ ...task, input: name }, strict, LONG_MS)).toMatchObject({
        status: "inserted",
      });
      expect(await store.checkpoint(task.record, name, name)).toBe(true);
    }
    for (const name of ALIKE) {
      const key = { userId: name, id: name };
      expect((await store.list({ userId: name, sessionId: name }, { limit: 9 })).records).toMatchObject([
        key,
      ]);
      expect(await store.payload(key)).toEqual({ input: name, checkpoint: name });
      expect(await store.renew(name, [key], LONG_MS)).toMatchObject([{ id: name, owned: true }]);
    }
  });

  test("whatever is in a task comes out as it went in", async () => {
    const store = sqliteStore({ database: open(":memory:") });
    for (const name of ALIKE) {
      const followUp = { status: "pending", mode: "interrupt", attempts: 0, reason: name } as const;
      const fields = {
        toolName: name,
        toolCallId: name,
        agentId: name,
        summary: name,
        metadata: { [name]: name },
      };
      const scope = { userId: "ada", sessionId: name };
      const { record } = makeTask({ id: name, ...scope, ...fields });
      await store.insert({ record, events: [output(name)] }, NO_LIMITS, LONG_MS);
      const error = { code: "lost", message: name } as const;
      const end = { ...change({ status: "failed", completedAt: 1, error, followUp }), result: whole(name) };
      const cut = { kind: "cut", head: name, tail: name, bytes: 9, lossy: [name] } as const;
      await store.transition(record, 1, name === "a" ? { ...end, result: { ...cut, lossy: [name] } } : end);
      expect(await store.get(scope, name)).toMatchObject({ ...fields, id: name, error, followUp });
      expect((await store.events(scope, name, { after: 0, limit: 9 }))?.events).toMatchObject([
        { chunk: name },
      ]);
      expect(await store.result(scope, name)).toEqual(name === "a" ? cut : whole(name));
      const claim = await store.claim(name, LONG_MS, { session: scope });
      expect(claim).toMatchObject({ sessionId: name, tasks: [{ id: name }] });
      expect(claim && (await store.settle(claim, { [name]: { type: "acknowledge" } }))).toHaveLength(1);
    }
  });
});

function comparePoints(one: readonly number[], other: readonly number[]): number {
  const length = Math.min(one.length, other.length);
  for (let at = 0; at < length; at += 1) {
    if (one[at] !== other[at]) return (one[at] ?? 0) < (other[at] ?? 0) ? -1 : 1;
  }
  return Math.sign(one.length - other.length);
}
