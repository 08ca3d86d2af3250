import { expect, test } from "vitest";
import type { StoredResult } from "../../../src/core/model/result.ts";
import type { TaskStore } from "../../../src/core/model/store.ts";
import type { TaskRecord } from "../../../src/core/model/task.ts";
import { migratePostgres } from "../../../src/stores/postgres.ts";
import { makeTask } from "../../../src/testing/make-task.ts";
import {
  ADA,
  change,
  completed,
  finish,
  finishPending,
  insert,
  LONG_MS,
  log,
  NO_LIMITS,
  output,
  read,
  transition,
  upTo,
  whole,
} from "../../../src/testing/suite/lab.ts";
import { describePostgres, labOf, newSchema, type PostgresLab } from "./lab.ts";

/**
 * As many stores as there might be processes, each with a connection of its own. Each write stays open for a
 * moment, so that they meet.
 */
async function storesOf(lab: PostgresLab, count = 10): Promise<[TaskStore, ...TaskStore[]]> {
  const schema = newSchema();
  await migratePostgres({ pool: lab.pool, schema });
  await lab.pool.query(`CREATE FUNCTION "${schema}".dawdle() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_sleep(0.003); RETURN NULL; END';
    CREATE TRIGGER dawdle AFTER INSERT OR UPDATE ON "${schema}".tasks FOR EACH STATEMENT
    EXECUTE FUNCTION "${schema}".dawdle()`);
  const [first, ...others] = upTo(count).map((n) =>
    lab.newStore({ schema, pool: lab.newPool({ max: 1 }), prepare: n % 2 === 0 }),
  );
  if (first === undefined) throw new Error("There are no stores.");
  return [first, ...others];
}

describePostgres("stores that share a schema", (pg) => {
  test("of ten who make the same transition one wins, time after time", async () => {
    const stores = await storesOf(pg);
    let record: TaskRecord = await insert(labOf(stores[0]));
    for (const round of upTo(20)) {
      const answers = await Promise.all(
        stores.map((store, index) =>
          store.transition(record, record.version, {
            ...change({ owner: `${round}.${index}` }, [output(`${round}.${index}`)]),
            result: whole(index),
          }),
        ),
      );
      const winners = answers.filter((answer) => answer !== undefined);
      expect(winners).toHaveLength(1);
      record = winners[0] ?? record;
      expect(await stores[0].result(ADA, record.id)).toEqual(whole(answers.indexOf(record)));
    }
    const chunks = (await log(labOf(stores[0]), record)).flatMap((event) =>
      event.type === "task.output" ? event.chunk.split(".")[0] : [],
    );
    expect(chunks).toEqual(upTo(20).map(String));
  });

  test("no limit is exceeded by inserts and admissions over ten connections", async () => {
    const stores = await storesOf(pg);
    const limits = { ...NO_LIMITS, runningPerUser: 7, queuedPerUser: 30, runningPerSession: 5 };
    const tasks = upTo(60).map((n) =>
      makeTask({ sessionId: n % 2 === 0 ? "even" : "odd", status: n % 3 === 0 ? "queued" : "running" }),
    );
    const answers = await Promise.all(
      tasks.map(async (task, index) => {
        const store = stores[index % stores.length] ?? stores[0];
        const answer = await store.insert(task, limits, LONG_MS);
        if (answer.status !== "inserted" || answer.record.status !== "queued") return answer.status;
        const admitted = await store.admit(answer.record, 1, change({ status: "running" }), limits);
        return admitted && "limit" in admitted ? admitted.limit : "running";
      }),
    );
    expect(answers.filter((answer) => answer === undefined)).toEqual([]);
    expect(answers.filter((answer) => answer === "refused")).not.toEqual([]);
    const { records } = await stores[0].list(ADA, { status: ["running"], limit: 99 });
    expect(records).toHaveLength(7);
    for (const sessionId of ["even", "odd"]) {
      expect(records.filter((record) => record.sessionId === sessionId).length).toBeLessThanOrEqual(5);
    }
  });

  test("equal calls and exclusive ones over ten connections make one task", async () => {
    const stores = await storesOf(pg);
    const equal = stores.map((store) => store.insert(makeTask({ duplicateKey: "k" }), NO_LIMITS, LONG_MS));
    const statuses = (await Promise.all(equal)).map(({ status }) => status);
    expect(statuses.filter((status) => status === "inserted")).toHaveLength(1);
    expect(statuses.filter((status) => status === "duplicate")).toHaveLength(9);
    const exclusive = { ...NO_LIMITS, exclusive: true };
    const alone = stores.map((store) => store.insert(makeTask({ sessionId: "new" }), exclusive, LONG_MS));
    const inserted = (await Promise.all(alone)).filter(({ status }) => status === "inserted");
    expect(inserted).toHaveLength(1);
  });

  test("what is asked for under one key over ten connections is one task, time after time", async () => {
    const stores = await storesOf(pg);
    for (const key of upTo(10).map(String)) {
      const ask = () => makeTask({ idempotency: { key, digest: "d" } });
      const answers = await Promise.all(stores.map((store) => store.insert(ask(), NO_LIMITS, LONG_MS)));
      expect(answers.map(({ status }) => status).sort()).toEqual([
        "inserted",
        ...upTo(9).map(() => "repeated"),
      ]);
      expect(new Set(answers.map((answer) => "record" in answer && answer.record.id)).size).toBe(1);
    }
  });

  test("each session goes to one of ten claimers, whole, and none is left over", async () => {
    const stores = await storesOf(pg);
    const sessions = upTo(30).map((n) => `session-${n}`);
    for (const sessionId of sessions) {
      for (const completedAt of upTo(2)) {
        await finishPending(labOf(stores[0]), { sessionId, completedAt, userId: `user-${sessionId}` });
      }
    }
    const claims = await Promise.all(
      stores.map(async (store, index) => {
        const mine = [];
        for (;;) {
          const claim = await store.claim(`claimer-${index}`, LONG_MS, { maxTurns: 5 });
          if (claim === undefined) return mine;
          mine.push(claim);
        }
      }),
    );
    const got = claims.flat();
    expect(got.map((claim) => claim.sessionId).sort()).toEqual([...sessions].sort());
    expect(got.filter((claim) => claim.tasks.length !== 2)).toEqual([]);
    expect(new Set(got.map((claim) => claim.token)).size).toBe(30);
  });

  test("ten who claim at once get a session each where there are ten", async () => {
    const stores = await storesOf(pg);
    const sessions = upTo(10).map((n) => `session-${n}`);
    for (const sessionId of sessions) await finishPending(labOf(stores[0]), { sessionId });
    const claims = await Promise.all(stores.map((store) => store.claim("me", LONG_MS, {})));
    expect(claims.map((claim) => claim?.sessionId).sort()).toEqual([...sessions].sort());
  });

  test("a sweep finds what another store has written, and limits that are stricter than another's", async () => {
    const [one, other, late] = (await storesOf(pg, 3)) as [TaskStore, TaskStore, TaskStore];
    const limits = { finishedPerUser: 3, finishedTtlMs: null, followUpTtlMs: null, followUpsPerUser: null };
    for (const userId of ["", "ada", "grace"]) {
      for (const n of upTo(5)) await finish(labOf(one), { userId, completedAt: n, id: `${userId}-${n}` });
    }
    expect(await other.sweep(limits, 4)).toEqual({ expired: [], evicted: 4, more: true });
    expect(await other.sweep(limits, 4)).toEqual({ expired: [], evicted: 2, more: false });
    expect(await late.sweep({ ...limits, finishedPerUser: 2 }, 99)).toMatchObject({ evicted: 3 });
    const { records } = await one.list({ userId: "" }, { limit: 9 });
    expect(records.map(({ id }) => id).sort()).toEqual(["-4", "-5"]);
  });

  test("renewals of the same tasks in any order wait for each other, and for nothing else", async () => {
    const stores = await storesOf(pg, 4);
    const records = await Promise.all(upTo(40).map(() => insert(labOf(stores[0]))));
    const orders = [records, [...records].reverse()];
    const renewals = stores.flatMap((store) =>
      upTo(10).map((n) => store.renew("process-1", orders[n % 2] ?? records, LONG_MS)),
    );
    for (const renewal of await Promise.all(renewals)) {
      expect(renewal).toHaveLength(40);
      expect(renewal.every(({ owned }) => owned)).toBe(true);
    }
  });

  test("sessions that had their turns are met once, and nothing of them is lost", async () => {
    const schema = newSchema();
    const store = pg.newStore({ schema });
    const lab = labOf(store);
    const session = { userId: "ada", sessionId: "held" };
    const claim = () => store.claim("me", LONG_MS, { maxTurns: 1 });
    const first = await finishPending(lab, session);
    const claimed = await claim();
    if (claimed) await store.settle(claimed, { [first.id]: { type: "acknowledge" } });
    const waiting = await finishPending(lab, session);
    const dropped = await finishPending(lab, session);
    expect(await claim()).toBeUndefined();
    const { rows } = await pg.pool.query(
      `SELECT DISTINCT held FROM "${schema}".tasks WHERE shelf = 'when_idle'`,
    );
    expect(rows).toEqual([{ held: 1 }]);
    const current = await read(lab, dropped);
    await transition(lab, current, { patch: { followUp: { ...current.followUp, status: "dropped" } } });
    await pg.pool.query(`UPDATE "${schema}".tasks SET shelf_at = 1 WHERE id = '${dropped.id}'`);
    const limits = {
      finishedPerUser: null,
      finishedTtlMs: LONG_MS,
      followUpTtlMs: null,
      followUpsPerUser: null,
    };
    expect(await store.sweep(limits, 9)).toMatchObject({ evicted: 1 });
    await store.resetTurns(session);
    const again = await claim();
    expect(again).toMatchObject({ turns: 0, tasks: [{ id: waiting.id }] });
    if (again) await store.settle(again, { [waiting.id]: { type: "acknowledge" } });
    const later = await finishPending(lab, session);
    expect(await claim()).toBeUndefined();
    await store.sweep({ ...limits, finishedTtlMs: 0 }, 9);
    expect(await claim()).toMatchObject({ turns: 0, tasks: [{ id: later.id }] });
  });
});

describePostgres("statements that are prepared", (pg) => {
  test("are remembered by their connection, those of each schema apart", async () => {
    const pool = pg.newPool({ max: 1 });
    const schemas = [newSchema(), newSchema()];
    const stores = [...schemas, ...schemas].map((schema) => pg.newStore({ schema, pool, prepare: true }));
    for (const store of stores) {
      for (const _ of upTo(7)) await insert(labOf(store), { createdAt: 5 });
    }
    const { rows } = await pool.query(
      "SELECT name, statement FROM pg_prepared_statements ORDER BY statement",
    );
    expect(
      rows.map(({ statement }) => schemas.findIndex((schema) => statement.includes(schema))).sort(),
    ).toEqual([0, 1]);
    expect(new Set(rows.map(({ name }) => name)).size).toBe(2);
    for (const store of stores) expect((await store.list(ADA, { limit: 99 })).records).toHaveLength(14);
  });
});

describePostgres("texts", (pg) => {
  const HOSTILE = ["nul \0 nul", "half \ud83d a pair", "\udc00", "\u0001", "\ud7ff", '\u0001"x"'];

  test.each(HOSTILE)("%j is kept wherever it stands", async (text) => {
    const store = pg.newStore();
    const lab = labOf(store);
    const scope = { userId: text, sessionId: text };
    const record = await insert(lab, {
      ...scope,
      id: text,
      agentId: text,
      toolName: text,
      toolCallId: text,
      summary: text,
      owner: text,
      duplicateKey: text,
      metadata: { [text]: [text] },
    });
    expect(await store.get(scope, text)).toEqual(record);
    expect(await store.append(record, text, [output(text)])).toBe(2);
    expect(await store.renew(text, [record], LONG_MS)).toMatchObject([{ id: text, owned: true }]);
    expect(await store.insert(makeTask({ userId: text, duplicateKey: text }), NO_LIMITS, 1)).toMatchObject({
      status: "duplicate",
      record: { id: text, progress: null },
    });
    const patch = {
      status: "completed",
      completedAt: 1,
      owner: text,
      error: { code: "lost", message: text },
      cancel: { at: 1, by: "user", reason: text },
      followUp: { status: "pending", mode: "when_idle", attempts: 0, reason: text },
    } as const;
    const cut: StoredResult = { kind: "cut", head: text, tail: text, bytes: 9, lossy: [text] };
    const ended = await transition(lab, record, { patch, events: [completed], result: cut });
    expect(ended).toMatchObject(patch);
    expect(await store.list(scope, { limit: 9 })).toEqual({ records: [ended], more: false });
    expect(await store.result(scope, text)).toEqual(cut);
    expect((await log(lab, record))[1]).toMatchObject({ taskId: text, chunk: text });
    const terms = { by: "host", take: false, maxHolds: 9, waitMs: LONG_MS } as const;
    const held = await store.hold(text, LONG_MS, scope, terms);
    expect(await store.hold(`${text}!`, LONG_MS, scope, terms)).toEqual({ heldBy: "host" });
    expect(await store.hold(`${text}!`, LONG_MS, scope, { ...terms, waitMs: 0 })).toEqual({ heldBy: "host" });
    expect(await store.stopTurn(scope, text, null)).toBe(true);
    if ("token" in held) {
      expect(await store.prolong(held, LONG_MS)).toEqual({ stop: text });
      expect(await store.settle(held, {})).toEqual([]);
    }
    const claim = await store.claim(text, LONG_MS, { session: scope });
    expect(claim).toMatchObject({ ...scope, tasks: [{ id: text }] });
    expect(claim && (await store.prolong(claim, LONG_MS))).toEqual({ stop: null });
    expect(claim && (await store.settle(claim, { [text]: { type: "acknowledge" } }))).toHaveLength(1);
  });

  test("inputs and checkpoints may hold whatever JSON text may", async () => {
    const store = pg.newStore();
    const { record } = makeTask({ owner: "me" });
    const [input, checkpoint] = ['"\ud83d"', '"\udc00"'];
    await store.insert({ record, events: [], input }, NO_LIMITS, LONG_MS);
    expect(await store.checkpoint(record, "me", checkpoint)).toBe(true);
    expect(await store.payload(record)).toEqual({ input, checkpoint });
  });

  test("ids of one moment are in the order of their code units", async () => {
    const store = pg.newStore();
    const ids = ["", "\0", "a", "\u{1f600}", "\ue000", "\uffff", "\ud800", "é", "b"];
    for (const id of ids) await insert(labOf(store), { id, createdAt: 5 });
    const expected = [...ids].sort().reverse();
    const { records } = await store.list(ADA, { limit: 99 });
    expect(records.map(({ id }) => id)).toEqual(expected);
    for (const [index, id] of expected.entries()) {
      const page = await store.list(ADA, { limit: 99, after: { createdAt: 5, id } });
      expect(page.records.map((record) => record.id)).toEqual(expected.slice(index + 1));
    }
  });

  test("numbers come back as they were, however large", async () => {
    const store = pg.newStore();
    const record = await insert(labOf(store), {
      createdAt: 1_763_723_456_789.25,
      deadlineAt: Number.MAX_SAFE_INTEGER,
      startedAt: 1e300,
    });
    expect(await store.get(ADA, record.id)).toEqual(record);
    const page = { after: Number.MAX_SAFE_INTEGER, limit: 5 };
    expect(await store.events(ADA, record.id, page)).toEqual({
      events: [],
      nextAfter: Number.MAX_SAFE_INTEGER,
      truncated: false,
    });
  });
});
