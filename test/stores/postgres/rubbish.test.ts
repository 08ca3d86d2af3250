import { expect, test } from "vitest";
import type { StoreHint } from "../../../src/core/model/store.ts";
import { insert } from "../../../src/testing/suite/lab.ts";
import { until } from "../../support/until.ts";
import { describePostgres, labOf, listening, newSchema } from "./lab.ts";

const HINT = {
  id: "id",
  userId: "ada",
  sessionId: null,
  firstSeq: 1,
  lastSeq: 1,
  status: "running",
  followUp: "none",
};
const TURN = { userId: "ada", sessionId: "one", turn: "free" };
const RUBBISH: unknown[] = [
  "",
  "{",
  "null",
  "[]",
  "7",
  '"text"',
  '{"id":1}',
  "\u00e9 \u2028 {}",
  `${"[".repeat(3_000)}`,
  { ...HINT, id: 7, from: "x" },
  { ...HINT, userId: null, from: "x" },
  { ...HINT, sessionId: {}, from: "x" },
  { ...HINT, firstSeq: "x", from: "x" },
  { ...HINT, firstSeq: 9, from: "x" },
  { ...HINT, lastSeq: 1e300, from: "x" },
  { ...HINT, lastSeq: -1, firstSeq: -1, from: "x" },
  { ...HINT, status: "done", from: "x" },
  { ...HINT, followUp: ["none"], from: "x" },
  { ...TURN, turn: "over", from: "x" },
  { ...TURN, userId: 7, from: "x" },
  { ...TURN, sessionId: undefined, from: "x" },
  { __proto__: HINT, from: { toString: null } },
];

describePostgres("what anybody may send on the channel", (pg) => {
  test("rubbish is not told, and what is whole comes after it", async () => {
    const schema = newSchema();
    const [store, other] = [pg.newStore({ schema }), pg.newStore({ schema, pool: pg.newPool() })];
    const hints: StoreHint[] = [];
    const stop = store.watch?.((hint) => void hints.push(hint));
    await until(async () => expect(await listening(pg, schema)).toBe(1));
    for (const sent of RUBBISH) {
      const payload = typeof sent === "string" ? sent : JSON.stringify(sent);
      await pg.pool.query("SELECT pg_notify($1, $2)", [schema, payload]);
    }
    const record = await insert(labOf(other));
    await until(() => expect(hints).toMatchObject([{ id: record.id }]));
    stop?.();
  });

  test("of a forged hint only what belongs to a hint is told, whoever is said to have sent it", async () => {
    const schema = newSchema();
    const store = pg.newStore({ schema });
    const hints: StoreHint[] = [];
    const stop = store.watch?.((hint) => void hints.push(hint));
    await until(async () => expect(await listening(pg, schema)).toBe(1));
    const senders = [{ from: "x", more: 1 }, { from: null }, { from: { toString: null } }, {}];
    for (const sender of senders) {
      for (const hint of [HINT, TURN]) {
        await pg.pool.query("SELECT pg_notify($1, $2)", [schema, JSON.stringify({ ...hint, ...sender })]);
      }
    }
    await until(() => expect(hints).toHaveLength(8));
    expect(hints).toEqual(senders.flatMap(() => [HINT, TURN]));
    stop?.();
  });
});
