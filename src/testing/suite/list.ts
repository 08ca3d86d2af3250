import fc from "fast-check";
import { expect, test } from "vitest";
import type { ListQuery } from "../../core/model/store.ts";
import type { TaskRecord, TaskStatus } from "../../core/model/task.ts";
import { ADA, finish, idsOf, insert, type Lab, LONG_MS, read, upTo } from "./lab.ts";

export function listSuite(lab: Lab): void {
  const list = (query: Partial<ListQuery>, scope = ADA) => lab.store.list(scope, { limit: 100, ...query });
  const ids = (records: TaskRecord[]) => records.map((record) => record.id);

  test("is empty for a user nobody knows", async () => {
    expect(await list({})).toEqual({ records: [], more: false });
  });

  test("gives the records that get gives", async () => {
    const record = await insert(lab, { metadata: { a: [1] } });
    await lab.store.append(record, "process-1", [{ at: 1, type: "task.progress", progress: { value: 1 } }]);
    expect(await list({})).toEqual({ records: [await read(lab, record)], more: false });
  });

  test("gives the newest first, whatever the order of writing, and among equals the greater id", async () => {
    const written: [number, string][] = [
      [5, "m"],
      [9, "a"],
      [5, "z"],
      [7, "k"],
      [5, "A"],
      [1, "q"],
    ];
    for (const [createdAt, id] of written) await insert(lab, { createdAt, id });
    expect(await idsOf(lab, "ada")).toEqual(["a", "k", "z", "m", "A", "q"]);
  });

  test("a task keeps its place whatever happens to it", async () => {
    const old = await insert(lab, { id: "old", createdAt: 1 });
    await insert(lab, { id: "new", createdAt: 2 });
    await lab.store.append(old, "process-1", [{ at: 1, type: "task.output", chunk: "x" }]);
    await lab.store.transition(old, 1, { patch: { status: "completed", completedAt: 9 }, events: [] });
    expect(await idsOf(lab, "ada")).toEqual(["new", "old"]);
  });

  test("gives only the statuses asked for", async () => {
    const statuses: TaskStatus[] = ["queued", "running", "completed", "failed", "cancelled"];
    for (const status of statuses) await insert(lab, { id: status, status, createdAt: 1 });
    for (const status of statuses) expect(ids((await list({ status: [status] })).records)).toEqual([status]);
    const ended = await list({ status: ["failed", "completed"] });
    expect(ids(ended.records)).toEqual(["failed", "completed"]);
    expect(await list({ status: [] })).toEqual({ records: [], more: false });
  });

  test("says whether there is more of what was asked for", async () => {
    for (const createdAt of upTo(4)) await insert(lab, { createdAt });
    await insert(lab, { createdAt: 0, status: "queued" });
    expect(await list({ limit: 3, status: ["running"] })).toMatchObject({ more: true });
    expect(await list({ limit: 4, status: ["running"] })).toMatchObject({ more: false });
    expect(await list({ limit: 4 })).toMatchObject({ more: true });
    expect(await list({ limit: 5 })).toMatchObject({ more: false });
  });

  test("goes on after a place, within a status and a session", async () => {
    for (const createdAt of upTo(9)) {
      const sessionId = createdAt % 2 === 0 ? "even" : "odd";
      await insert(lab, {
        id: `t${createdAt}`,
        createdAt,
        sessionId,
        status: createdAt > 7 ? "queued" : "running",
      });
    }
    const after = { createdAt: 7, id: "t7" };
    expect(ids((await list({ after, limit: 2 })).records)).toEqual(["t6", "t5"]);
    const query = { after, limit: 2, status: ["running"] } as const;
    const odd = await list(query, { userId: "ada", sessionId: "odd" });
    expect({ ids: ids(odd.records), more: odd.more }).toEqual({ ids: ["t5", "t3"], more: true });
  });

  test("goes on among tasks of the same time, and after a task that is gone", async () => {
    for (const id of ["a", "c", "e"]) await insert(lab, { id, createdAt: 5 });
    await finish(lab, { id: "d", createdAt: 5 });
    expect((await lab.store.sweep(KEEP_NONE, 10)).evicted).toBe(1);
    expect(ids((await list({ after: { createdAt: 5, id: "d" } })).records)).toEqual(["c", "a"]);
    expect(ids((await list({ after: { createdAt: 5, id: "c" } })).records)).toEqual(["a"]);
    expect(ids((await list({ after: { createdAt: 5, id: "" } })).records)).toEqual([]);
    expect(ids((await list({ after: { createdAt: 6, id: "a" } })).records)).toEqual(["e", "c", "a"]);
  });

  test("pages show no task twice and miss none that was there throughout", async () => {
    let users = 0;
    const tasks = fc.array(fc.record({ createdAt: fc.nat(4), isFinished: fc.boolean() }), { maxLength: 14 });
    const meanwhile = fc.array(fc.constantFrom("insert", "evict", "nothing"), { maxLength: 10 });
    const property = fc.asyncProperty(tasks, meanwhile, fc.integer({ min: 1, max: 4 }), async (...args) => {
      users += 1;
      await expectPagesToBeWhole(`user-${users}`, ...args);
    });
    await fc.assert(property, { numRuns: 40 });
  });

  async function expectPagesToBeWhole(
    userId: string,
    tasks: { createdAt: number; isFinished: boolean }[],
    meanwhile: ("insert" | "evict" | "nothing")[],
    limit: number,
  ): Promise<void> {
    for (const [index, { createdAt, isFinished }] of tasks.entries()) {
      // Ids in an order that is not the order of writing.
      const fields = { userId, createdAt, id: `${userId}-${(index * 7) % 10}-${index}` };
      await (isFinished ? finish(lab, fields) : insert(lab, fields));
    }
    const seen: TaskRecord[] = [];
    for (let more = true; more; ) {
      const last = seen.at(-1);
      const after = last && { after: { createdAt: last.createdAt, id: last.id } };
      const page = await list({ limit, ...after }, { userId });
      seen.push(...page.records);
      more = page.more;
      await happen(meanwhile.pop(), userId);
    }
    expect(new Set(ids(seen)).size).toBe(seen.length);
    expect(seen).toEqual([...seen].sort(newestFirst));
    const unfinished = seen.filter((record) => record.status === "running" && record.owner !== "meanwhile");
    expect(unfinished).toHaveLength(tasks.filter((task) => !task.isFinished).length);
  }

  async function happen(what: string | undefined, userId: string): Promise<void> {
    if (what === "insert") await insert(lab, { userId, createdAt: 2, owner: "meanwhile" });
    if (what === "evict") await lab.store.sweep(KEEP_NONE, 2);
  }

  function newestFirst(one: TaskRecord, other: TaskRecord): number {
    return other.createdAt - one.createdAt || (other.id > one.id ? 1 : -1);
  }
}

const KEEP_NONE = {
  finishedPerUser: 0,
  finishedTtlMs: LONG_MS,
  followUpTtlMs: LONG_MS,
  followUpsPerUser: 0,
};
