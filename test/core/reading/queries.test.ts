import { describe, expect, test, vi } from "vitest";
import type { TaskInfo } from "../../../src/index.ts";
import {
  ADA,
  BOB,
  callOf,
  ended,
  inFakeTime,
  managersOn,
  pass,
  soon,
  startAll,
  stubborn,
} from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";

inFakeTime();

describe.each(STORES)("queries on $name", ({ makeStore }) => {
  const managerOf = managersOn(makeStore);

  describe("list", () => {
    test("pages through all of a scope, newest first, each once", async () => {
      const tasks = managerOf();
      const ids: string[] = [];
      for (let index = 0; index < 7; index += 1) {
        ids.unshift((await soon(tasks.start(callOf({ input: index }), stubborn))).id);
        await pass(1);
      }
      const seen: string[] = [];
      let cursor: string | null | undefined;
      do {
        const page = await soon(tasks.list(ADA, { limit: 3, ...(cursor ? { cursor } : {}) }));
        expect(page.tasks.length).toBeLessThanOrEqual(3);
        seen.push(...page.tasks.map(({ id }) => id));
        cursor = page.nextCursor;
      } while (cursor !== null);
      expect(seen).toEqual(ids);
    });

    test("pages through tasks of the same instant without loss", async () => {
      const tasks = managerOf();
      const now = Date.now();
      vi.setSystemTime(now);
      const ids = await soon(
        Promise.all([1, 2, 3, 4, 5].map((input) => tasks.start(callOf({ input }), stubborn))),
      );
      const first = await soon(tasks.list(ADA, { limit: 2 }));
      const second = await soon(tasks.list(ADA, { limit: 9, cursor: first.nextCursor ?? "" }));
      const seen = [...first.tasks, ...second.tasks].map(({ id }) => id);
      expect([...seen].sort()).toEqual(ids.map(({ id }) => id).sort());
      expect(second.nextCursor).toBeNull();
    });

    test("a scope with a session sees that session, one without sees all of the user's, nobody another's", async () => {
      const tasks = managerOf();
      const other = { ...ADA, sessionId: "s2" };
      await startAll(tasks, 2);
      await startAll(tasks, 1, other);
      await startAll(tasks, 1, BOB);
      const count = async (scope: { userId: string }) => (await soon(tasks.list(scope))).tasks.length;
      expect(await count(ADA)).toBe(2);
      expect(await count(other)).toBe(1);
      expect(await count({ userId: "ada" })).toBe(3);
      expect(await count(BOB)).toBe(1);
      expect(await count({ userId: "eve" })).toBe(0);
    });

    test("agentId is a label, not a boundary", async () => {
      const tasks = managerOf();
      await soon(tasks.start(callOf({ scope: { ...ADA, agentId: "a1" } }), stubborn));
      expect((await soon(tasks.list({ ...ADA, agentId: "a2" }))).tasks).toHaveLength(1);
    });

    test("by status", async () => {
      const tasks = managerOf({ limits: { runningPerSession: 1 } });
      const [first] = await startAll(tasks, 3);
      first?.gate.resolve("done");
      await ended(tasks, first?.id ?? "");
      await pass(20);
      const names = async (status: TaskInfo["status"] | TaskInfo["status"][]) =>
        (await soon(tasks.list(ADA, { status }))).tasks.map(({ toolName }) => toolName);
      expect(await names("completed")).toEqual(["tool0"]);
      expect(await names("running")).toEqual(["tool1"]);
      expect(await names(["queued", "running"])).toEqual(["tool2", "tool1"]);
    });

    test.each([
      { limit: 0 },
      { limit: 501 },
      { limit: 1.5 },
      { cursor: "" },
      { cursor: "x" },
      { status: "done" },
      { status: ["running", "done"] },
    ])("%o is refused as invalid_input", async (query) => {
      await expect(managerOf().list(ADA, query as object)).rejects.toMatchObject({ code: "invalid_input" });
    });
  });

  test("get, result, events, cancel and wait: foreign and missing are the same answer", async () => {
    const tasks = managerOf();
    const { id } = await soon(tasks.start(callOf(), async () => "done"));
    await ended(tasks, id);
    for (const [scope, known] of [
      [BOB, id],
      [{ ...ADA, sessionId: "s2" }, id],
      [ADA, "missing"],
    ] as const) {
      expect(await soon(tasks.get(scope, known))).toBeUndefined();
      expect(await soon(tasks.result(scope, known))).toBeUndefined();
      expect(await soon(tasks.events(scope, known))).toEqual({ events: [], nextAfter: 0, truncated: false });
      expect(await soon(tasks.cancel(scope, known))).toBeUndefined();
      expect(await soon(tasks.wait(scope, [known]))).toEqual([undefined]);
    }
  });

  describe("result", () => {
    test("is undefined until the task has finished, and says how it ended", async () => {
      const tasks = managerOf();
      const [one, two, three] = await startAll(tasks, 3);
      expect(await soon(tasks.result(ADA, one?.id ?? ""))).toBeUndefined();
      one?.gate.resolve("done");
      two?.gate.reject(new Error("no"));
      await soon(tasks.cancel(ADA, three?.id ?? "", { by: "user", reason: "no need" }));
      const results = [];
      for (const { id } of [one, two, three].map((task) => task ?? { id: "" })) {
        await ended(tasks, id);
        results.push(await soon(tasks.result(ADA, id)));
      }
      expect(results).toEqual([
        { status: "completed", value: "done", truncated: null, lossy: [] },
        { status: "failed", error: { code: "tool_error", message: "no" } },
        { status: "cancelled", by: "user", reason: "no need" },
      ]);
    });

    test("ranges through the kept text", async () => {
      const tasks = managerOf();
      const { id } = await soon(tasks.start(callOf(), async () => "abcdef"));
      await ended(tasks, id);
      expect(await soon(tasks.result(ADA, id, { offset: 2, limit: 3 }))).toMatchObject({ value: "cde" });
      await expect(tasks.result(ADA, id, { offset: -1 })).rejects.toMatchObject({ code: "invalid_input" });
    });

    test("rule 13: what JSON cannot carry becomes a marker, and its path stands in lossy", async () => {
      const tasks = managerOf();
      const { id } = await soon(tasks.start(callOf(), async () => ({ sum: 1n, list: [Number.NaN], ok: 1 })));
      await ended(tasks, id);
      expect(await soon(tasks.result(ADA, id))).toEqual({
        status: "completed",
        value: { sum: "[BigInt 1]", list: ["[NaN]"], ok: 1 },
        truncated: null,
        lossy: ["/sum", "/list/0"],
      });
    });
  });
});
