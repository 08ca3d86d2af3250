import { describe, expect, test } from "vitest";
import type { Hold } from "../../../src/core/model/session-claim.ts";
import type { StoreHint } from "../../../src/core/model/store.ts";
import { type SqliteDatabaseLike, sqliteStore } from "../../../src/stores/sqlite.ts";
import { makeTask } from "../../../src/testing/make-task.ts";
import { LONG_MS, NO_LIMITS } from "../../../src/testing/suite/lab.ts";
import { TestClock } from "../../support/test-clock.ts";
import { until } from "../../support/until.ts";
import { DRIVERS, newPath } from "./lab.ts";

const ONE = { userId: "ada\0", sessionId: "one\ud800" };
const USER: Hold = { by: "user", take: true, maxHolds: 3, waitMs: 0 };
const KEEP_ALL = { finishedPerUser: null, finishedTtlMs: null, followUpTtlMs: null, followUpsPerUser: null };
const followUp = { status: "pending", mode: "when_idle", attempts: 0, reason: null } as const;

describe.each(DRIVERS)("turns of a session, on $name", ({ open }) => {
  const rowsOf = (database: SqliteDatabaseLike, table: string) =>
    database.prepare(`SELECT count(*) AS n FROM ${table}`).get() as { n: number };

  test("are hinted to other connections: free, where somebody waits, and stop", async () => {
    const path = newPath();
    const [one, two] = [sqliteStore({ database: open(path) }), sqliteStore({ database: open(path) })];
    const turns: StoreHint[] = [];
    one.watch?.((hint) => void ("turn" in hint && turns.push(hint)));
    const held = await two.hold("me", LONG_MS, ONE, USER);
    await two.stopTurn(ONE, "Enough.", null);
    await until(() => expect(turns).toEqual([{ ...ONE, turn: "stop" }]));
    await one.hold("another", LONG_MS, ONE, { ...USER, waitMs: LONG_MS });
    if ("token" in held) await two.settle(held, {});
    await until(() => expect(turns.slice(1)).toEqual([{ ...ONE, turn: "free" }]));
  });

  test("have numbers that grow from one connection to the next, and over a restart", async () => {
    const [path, clock] = [newPath(), new TestClock()];
    const numbers: number[] = [];
    for (let turn = 0; turn < 4; turn += 1) {
      const database = open(path);
      const store = sqliteStore({ database, clock });
      const held = await store.hold("me", LONG_MS, ONE, USER);
      if ("token" in held) numbers.push(held.number);
      if ("token" in held) await store.settle(held, {});
      await store.sweep({ ...KEEP_ALL, finishedTtlMs: 0 }, 9);
      await store.close();
      database.close();
    }
    const first = clock.now();
    expect(numbers).toEqual([first, first + 1, first + 2, first + 3]);
  });

  test("leave no rows: not those of who has waited, nor those of the session", async () => {
    const [database, clock] = [open(newPath()), new TestClock()];
    const store = sqliteStore({ database, clock });
    const held = await store.hold("me", LONG_MS, ONE, USER);
    for (const claimant of ["two", "three"]) {
      await store.hold(claimant, LONG_MS, ONE, { ...USER, waitMs: claimant === "two" ? 1_000 : 2_000 });
    }
    if ("token" in held) await store.settle(held, {});
    expect([rowsOf(database, "offload_waits").n, rowsOf(database, "offload_sessions").n]).toEqual([2, 0]);
    clock.advance(1_000);
    await store.sweep(KEEP_ALL, 9);
    expect(rowsOf(database, "offload_waits").n).toBe(1);
    clock.advance(1_000);
    await store.sweep(KEEP_ALL, 9);
    expect(rowsOf(database, "offload_waits").n).toBe(0);
  });

  test("say why they are asked to stop, whatever is in it", async () => {
    const store = sqliteStore({ database: open(newPath()) });
    const held = await store.hold("me", LONG_MS, ONE, USER);
    await store.stopTurn(ONE, "a\0b\ud800", null);
    expect("token" in held && (await store.prolong(held, LONG_MS))).toEqual({ stop: "a\0b\ud800" });
  });

  test("cost no more statements than before there were any", async () => {
    const database = open(newPath());
    const asked: string[] = [];
    const prepare = (sql: string) => {
      const statement = database.prepare(sql);
      const noted = <T>(go: T): T => {
        asked.push(sql);
        return go;
      };
      return {
        run: (...values: never[]) => noted(statement.run(...values)),
        get: (...values: never[]) => noted(statement.get(...values)),
        all: (...values: never[]) => noted(statement.all(...values)),
      } as typeof statement;
    };
    const spied = { prepare, exec: (sql: string) => database.exec(sql), close: () => undefined };
    const store = sqliteStore({ database: spied, clock: new TestClock() });
    await store.insert(makeTask({ status: "completed", followUp }), NO_LIMITS, LONG_MS);
    const count = async <T>(call: Promise<T>): Promise<[T, number]> => {
      asked.length = 0;
      return [await call, asked.length];
    };
    const [claim, ofClaim] = await count(store.claim("me", LONG_MS, { maxTurns: 9 }));
    if (claim === undefined) throw new Error("There is nothing to claim.");
    const [, ofProlong] = await count(store.prolong(claim, LONG_MS));
    const [, ofSettle] = await count(store.settle(claim, {}));
    const [, ofNothing] = await count(store.claim("me", LONG_MS, { modes: ["silent"] }));
    expect({ ofClaim, ofProlong, ofSettle, ofNothing }).toEqual(BEFORE);
  });
});

/** What they took before a session could be held: a claim of one follow-up, which is settled, and one that finds none. */
const BEFORE = { ofClaim: 11, ofProlong: 1, ofSettle: 8, ofNothing: 3 };
