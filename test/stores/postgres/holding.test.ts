import { expect, test } from "vitest";
import type { Hold, SessionClaim, SessionHint } from "../../../src/core/model/session-claim.ts";
import type { TaskStore } from "../../../src/core/model/store.ts";
import { migratePostgres } from "../../../src/stores/postgres.ts";
import { finishPending, LONG_MS, upTo } from "../../../src/testing/suite/lab.ts";
import { until } from "../../support/until.ts";
import { countStatements, describePostgres, labOf, listening, newSchema } from "./lab.ts";

const ONE = { userId: "ada", sessionId: "one" };
const USER: Hold = { by: "user", take: true, maxHolds: 3, waitMs: 0 };
const KEEP_ALL = { finishedPerUser: null, finishedTtlMs: null, followUpTtlMs: null, followUpsPerUser: null };

async function held(store: TaskStore, terms: Partial<Hold> = {}): Promise<SessionClaim> {
  const answer = await store.hold("me", LONG_MS, ONE, { ...USER, ...terms });
  if ("heldBy" in answer) throw new Error(`The session is held by ${answer.heldBy}.`);
  return answer;
}

describePostgres("sessions that are held", (pg) => {
  const schemaOf = async () => {
    const schema = newSchema();
    await migratePostgres({ pool: pg.pool, schema });
    return schema;
  };
  const storesOf = (schema: string, count: number) =>
    upTo(count).map(() => pg.newStore({ schema, pool: pg.newPool({ max: 1 }) }));

  test("turns of ten connections never overlap, each has a greater number, and none is shut out", async () => {
    const schema = await schemaOf();
    const numbers: number[] = [];
    let inTurn = 0;
    const turn = async (store: TaskStore, claim: SessionClaim) => {
      inTurn += 1;
      expect(inTurn).toBe(1);
      numbers.push(claim.number);
      await store.prolong(claim, LONG_MS);
      inTurn -= 1;
      return store.settle(claim, {});
    };
    const turns = async (store: TaskStore, claimant: string) => {
      for (let had = 0; had < 5; ) {
        const answer = await store.hold(claimant, LONG_MS, ONE, { ...USER, waitMs: LONG_MS });
        if ("heldBy" in answer) continue;
        had += 1;
        await turn(store, answer);
      }
    };
    const [claiming, ...holding] = storesOf(schema, 10) as [TaskStore, ...TaskStore[]];
    await finishPending(labOf(claiming), ONE);
    const users = Promise.all(holding.map((store, index) => turns(store, `claimant-${index}`)));
    let isOver = false;
    const library = (async () => {
      while (!isOver) {
        const claim = await claiming.claim("library", LONG_MS, {});
        if (claim) await turn(claiming, claim);
      }
    })();
    await users;
    isOver = true;
    await library;
    expect(numbers.length).toBeGreaterThanOrEqual(45);
    expect(numbers).toEqual([...new Set(numbers)].sort((one, other) => one - other));
    expect(await claiming.claim("library", LONG_MS, {})).toMatchObject(ONE);
  }, 60_000);

  test("other stores are told of a session that is free, and of a turn that is to stop", async () => {
    const schema = await schemaOf();
    const [store, other] = storesOf(schema, 2).map((_store, index) =>
      index === 0 ? pg.newStore({ schema, pool: pg.newPool() }) : _store,
    ) as [TaskStore, TaskStore];
    const heard: SessionHint[] = [];
    const stop = store.watch?.((hint) => void ("turn" in hint && heard.push(hint)));
    await until(async () => expect(await listening(pg, schema)).toBe(1));
    const claim = await held(other);
    await other.stopTurn(ONE, "Enough.", "user");
    await store.hold("waiting", LONG_MS, ONE, { ...USER, waitMs: LONG_MS });
    await other.settle(claim, {}, true);
    await other.settle(claim, {});
    await until(() =>
      expect(heard).toEqual([
        { ...ONE, turn: "stop" },
        { ...ONE, turn: "free" },
      ]),
    );
    stop?.();
  });

  test("a number goes on after a clock that was set back, until retention forgets it", async () => {
    const schema = await schemaOf();
    const store = pg.newStore({ schema });
    const { number } = await held(store).then(async (claim) => {
      await store.settle(claim, {});
      return claim;
    });
    const ahead = number + LONG_MS;
    await pg.pool.query(`UPDATE "${schema}".claims SET number = $1`, [ahead]);
    const claim = await held(store);
    expect(claim.number).toBe(ahead + 1);
    const rows = async () => (await pg.pool.query(`SELECT FROM "${schema}".claims`)).rows.length;
    await pg.pool.query(`UPDATE "${schema}".claims SET number = 1`);
    await store.sweep({ ...KEEP_ALL, finishedTtlMs: LONG_MS }, 9);
    expect(await rows()).toBe(1);
    await store.settle(claim, {});
    await store.sweep(KEEP_ALL, 9);
    expect(await rows()).toBe(1);
    await store.sweep({ ...KEEP_ALL, finishedTtlMs: LONG_MS }, 9);
    expect(await rows()).toBe(0);
  });

  test("who waits is not forgotten before it is over, and leaves nothing behind then", async () => {
    const schema = await schemaOf();
    const store = pg.newStore({ schema });
    const claim = await held(store);
    await store.hold("long", LONG_MS, ONE, { ...USER, waitMs: LONG_MS });
    await store.hold("short", LONG_MS, ONE, { ...USER, waitMs: 1 });
    await store.settle(claim, {});
    await finishPending(labOf(store), ONE);
    await pg.pool.query(`UPDATE "${schema}".claims SET number = 1`);
    await store.sweep({ ...KEEP_ALL, finishedTtlMs: LONG_MS }, 9);
    expect(await store.claim("library", LONG_MS, {})).toBeUndefined();
    await store.hold("long", LONG_MS, ONE, USER);
    const { rows } = await pg.pool.query(`SELECT waiting, waited_until FROM "${schema}".claims`);
    expect(rows).toEqual([{ waiting: {}, waited_until: 0 }]);
  });

  test("each step is one statement", async () => {
    const pool = pg.newPool();
    const store = pg.newStore({ schema: await schemaOf(), pool });
    await finishPending(labOf(store), ONE);
    const statements = countStatements(pool);
    const claim = await held(store);
    await store.hold("waiting", LONG_MS, ONE, { ...USER, waitMs: LONG_MS });
    await store.extend(claim, ["silent"], 3);
    await store.stopTurn(ONE, "Enough.", null);
    await store.prolong(claim, LONG_MS);
    await store.settle(claim, {});
    await store.claim("library", LONG_MS, {});
    expect(statements).toHaveLength(7);
  });
});
