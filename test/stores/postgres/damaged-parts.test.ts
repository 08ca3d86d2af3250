import { expect, test } from "vitest";
import { makeTask } from "../../../src/testing/make-task.ts";
import {
  ADA,
  completed,
  insert,
  LONG_MS,
  NO_LIMITS,
  output,
  transition,
  upTo,
  whole,
} from "../../../src/testing/suite/lab.ts";
import { damagesOf } from "./damages.ts";
import { describePostgres, labOf, newSchema } from "./lab.ts";

const KEEP_ALL = { finishedPerUser: null, finishedTtlMs: null, followUpTtlMs: null, followUpsPerUser: null };

describePostgres("parts of records that are damaged", (pg) => {
  const setUp = () => damagesOf(pg);

  test.each(["nothing", "{}", '["x"]'])(
    "a log whose weights are %s keeps nobody from settling and sweeping",
    async (weights) => {
      const { store, told, run, pending } = await setUp();
      const chatty = [await pending("one"), await pending("two")];
      const beside = await pending("one");
      await run(`UPDATE @events SET weights = '${weights}' WHERE last_seq = 1`);
      await run("UPDATE @tasks SET log_chars = 300000");
      const session = { userId: "ada", sessionId: "one" };
      const claim = await store.claim("me", LONG_MS, { session });
      const outcome = claim?.tasks.map(({ id }) => [id, { type: "acknowledge" }] as const) ?? [];
      const settled = claim && (await store.settle(claim, Object.fromEntries(outcome)));
      expect(settled?.map(({ id }) => id)).toEqual([chatty[0]?.id, beside.id]);
      const { expired } = await store.sweep({ ...KEEP_ALL, followUpTtlMs: -1 }, 9);
      expect(expired.map(({ id }) => id)).toEqual([chatty[1]?.id]);
      for (const record of chatty) {
        const page = await store.events(ADA, record.id, { after: 0, limit: 9 });
        expect(page).toMatchObject({ truncated: true, nextAfter: 3 });
      }
      expect(told).toEqual([]);
    },
  );

  test.each([
    ["that is gone", "DELETE FROM @results", "its result is missing"],
    ["whose head is no JSON", "UPDATE @results SET head = '{'", "its result cannot be read"],
    ["that says nothing about itself", "UPDATE @results SET about = 'x'", "its result cannot be read"],
    ["of wrong types", `UPDATE @results SET about = '{"lossy":7}'`, "its result cannot be read"],
  ])("a result %s is no result, and is told once", async (_what, change, reason) => {
    const { schema, store, lab, told, run, keyOf } = await setUp();
    const end = {
      patch: { status: "completed", completedAt: 1 },
      events: [completed],
      result: whole("x"),
    } as const;
    const record = await transition(lab, await insert(lab), { ...end, events: [completed] });
    await run(change);
    const place = `"${schema}".results, task_key ${await keyOf(record)}`;
    await expect(store.result(ADA, record.id)).rejects.toThrow(`${place}: ${reason}.`);
    await expect(store.result(ADA, record.id)).rejects.toThrow(reason);
    await expect(store.get(ADA, record.id)).rejects.toThrow(reason);
    expect(told).toMatchObject([{ userId: "ada", taskId: record.id, place, reason }]);
    expect((await store.list(ADA, { limit: 9 })).records).toEqual([]);
  });

  test.each(["claim", "get", "list"] as const)("%s meets a task whose result is gone", async (call) => {
    const { store, lab, told, run, pending } = await setUp();
    const followUp = { status: "pending", mode: "when_idle", attempts: 0, reason: null } as const;
    const patch = { status: "completed", completedAt: 1, followUp } as const;
    const record = await transition(lab, await insert(lab, { sessionId: "one" }), {
      patch,
      result: whole("x"),
    });
    await pending("one");
    await run("DELETE FROM @results");
    const met = {
      claim: async () => (await store.claim("me", LONG_MS, {}))?.tasks,
      get: () => expect(store.get(ADA, record.id)).rejects.toThrow("its result is missing"),
      list: async () => (await store.list(ADA, { limit: 9 })).records,
    };
    const answer = await met[call]();
    if (call !== "get") expect(answer).toHaveLength(1);
    expect(told).toMatchObject([{ taskId: record.id, reason: "its result is missing" }]);
  });

  test.each([
    ["is no JSON", "UPDATE @events SET events = '[' WHERE last_seq = 3", "its log cannot be read"],
    [
      "has what are no events",
      "UPDATE @events SET events = '[7,7]' WHERE last_seq = 3",
      "its log cannot be read",
    ],
    ["lacks its first", "DELETE FROM @events WHERE last_seq = 1", "its log lacks events"],
    ["lacks some in its middle", "DELETE FROM @events WHERE last_seq = 3", "its log lacks events"],
    ["lacks its last", "DELETE FROM @events WHERE last_seq = 4", "its log lacks events"],
  ])("a log that %s is no log, and is told once", async (_what, change, reason) => {
    const { schema, store, lab, told, run, keyOf } = await setUp();
    const record = await insert(lab);
    await store.append(record, "process-1", [output("two"), output("three")]);
    await store.append(record, "process-1", [output("four")]);
    expect((await store.events(ADA, record.id, { after: 1, limit: 2 }))?.events).toHaveLength(2);
    await run(change);
    const place = `"${schema}".events, task_key ${await keyOf(record)}`;
    const read = () => store.events(ADA, record.id, { after: 0, limit: 9 });
    await expect(read()).rejects.toThrow(`${place}: ${reason}.`);
    await expect(read()).rejects.toThrow(reason);
    await expect(store.get(ADA, record.id)).rejects.toThrow(reason);
    expect(told).toMatchObject([{ taskId: record.id, place, reason }]);
  });

  test("a payload that cannot be read is not answered", async () => {
    const { store, told, run } = await setUp();
    const { record } = makeTask({ owner: "me" });
    await store.insert({ record, events: [], input: "1" }, NO_LIMITS, LONG_MS);
    await run("UPDATE @payloads SET input = '{'");
    await expect(store.payload(record)).rejects.toThrow("its payload cannot be read");
    await expect(store.payload(record)).rejects.toThrow("its payload cannot be read");
    expect(told).toMatchObject([
      { taskId: record.id, place: expect.stringContaining(".payloads, task_key") },
    ]);
  });
});

describePostgres("the row of a session that is damaged", (pg) => {
  test.each(["[]", '"x"', '{"third":"x"}', '{"third":null}', '{"third":[]}', '{"third":[1,"x"]}'])(
    "waits that are %s are none",
    async (waiting) => {
      const { store, run, pending } = await damagesOf(pg);
      const record = await pending("one");
      const session = { userId: "ada", sessionId: "one" };
      const terms = { by: "user", take: true, maxHolds: 3, waitMs: LONG_MS } as const;
      const claim = await store.hold("me", LONG_MS, session, terms);
      await run(`UPDATE @claims SET waiting = '${waiting}'`);
      expect(await store.hold("another", LONG_MS, session, terms)).toEqual({ heldBy: "user" });
      if ("token" in claim) await store.settle(claim, {});
      await run(`UPDATE @claims SET waiting = '${waiting}'`);
      expect(await store.hold("another", LONG_MS, session, terms)).toMatchObject({
        tasks: [{ id: record.id }],
      });
    },
  );
});

describePostgres("records that are gone", (pg) => {
  test.each(["TRUNCATE", "DELETE FROM"])(
    "after a %s under a running task it is inserted anew, and ends as if nothing had been",
    async (empty) => {
      const schema = newSchema();
      const store = pg.newStore({ schema });
      const lab = labOf(store);
      const record = await insert(lab, { sessionId: "one" });
      const lastSeq = await store.append(
        record,
        "process-1",
        upTo(4).map((n) => output(`${n}`)),
      );
      const known = { ...record, lastSeq, version: 3 };
      for (const table of ["tasks", "events", "results", "payloads", "claims", "turns"])
        await pg.pool.query(`${empty} "${schema}".${table}`);
      expect(await store.renew("process-1", [known], LONG_MS)).toEqual([]);
      expect(await store.get(ADA, record.id)).toBeUndefined();
      expect(await store.append(known, "process-1", [output("x")])).toBe(0);
      const patch = { status: "completed", completedAt: 1 } as const;
      const end = { patch, events: [completed], result: whole("kept") };
      expect(await store.transition(known, known.version, end)).toBeUndefined();
      const anew = await store.insert({ record: known, events: [output("anew")] }, NO_LIMITS, LONG_MS);
      expect(anew).toMatchObject({ status: "inserted", record: { version: 3, lastSeq: lastSeq + 1 } });
      expect(await store.renew("process-1", [known], LONG_MS)).toMatchObject([{ owned: true, version: 3 }]);
      expect(await store.transition(known, 3, end)).toMatchObject({ version: 4, lastSeq: lastSeq + 2 });
      expect(await store.result(ADA, record.id)).toEqual(whole("kept"));
      expect(await store.events(ADA, record.id, { after: 0, limit: 9 })).toMatchObject({
        events: [{ seq: lastSeq + 1 }, { seq: lastSeq + 2, type: "task.completed" }],
        truncated: true,
      });
    },
  );
});
