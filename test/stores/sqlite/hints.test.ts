import { describe, expect, test } from "vitest";
import type { StoreHint } from "../../../src/core/model/store.ts";
import { sqliteStore } from "../../../src/stores/sqlite.ts";
import { makeTask } from "../../../src/testing/make-task.ts";
import {
  ADA,
  change,
  completed,
  LONG_MS,
  NO_LIMITS,
  started,
  upTo,
  whole,
} from "../../../src/testing/suite/lab.ts";
import { until } from "../../support/until.ts";
import { DRIVERS, newPath } from "./lab.ts";

const HINT = {
  id: "forged",
  userId: "ada",
  sessionId: null,
  firstSeq: 1,
  lastSeq: 1,
  status: "running",
  followUp: "none",
};

/** What somebody may have put into the table, as SQL. */
const RUBBISH = [
  "''",
  "'rubbish'",
  "'['",
  "'null'",
  "'7'",
  "'{}'",
  "'[null, 7, \"x\", [], {}]'",
  "x'00ff'",
  "7",
  "1.5",
  `'${"[".repeat(50_000)}'`,
  ...[
    { firstSeq: "x" },
    { firstSeq: -1 },
    { firstSeq: 3, lastSeq: 1 },
    { lastSeq: 1e300 },
    { lastSeq: null },
    { id: 7 },
    { id: "x".repeat(9_000) },
    { userId: null },
    { sessionId: 7 },
    { status: "exploded" },
    { followUp: {} },
  ].map((wrong) => `'${JSON.stringify([{ ...HINT, ...wrong }])}'`),
  `'[{"userId":"ada","sessionId":null,"turn":"mine"}]'`,
  `'[{"userId":7,"sessionId":null,"turn":"free"}]'`,
];

describe.each(DRIVERS)("hints that others have left, on $name", ({ open }) => {
  const several = () => {
    const path = newPath();
    const database = open(path);
    const [one, two] = [sqliteStore({ database: open(path) }), sqliteStore({ database: open(path) })];
    const hints: StoreHint[] = [];
    one.watch?.((hint) => void hints.push(hint));
    return { database, one, two, hints };
  };

  test("are heard if they are hints, and nothing else is: the rest is heard after all", async () => {
    const { database, two, hints } = several();
    const forge = (hints: string, n = "NULL") =>
      database.exec(`INSERT INTO offload_hints (n, writer, hints) VALUES (${n}, 7, ${hints})`);
    expect(RUBBISH.length).toBeGreaterThan(14);
    for (const rubbish of RUBBISH) forge(rubbish);
    forge(`'[{"id":7}, ${JSON.stringify({ ...HINT, more: "fields" })}, "x"]'`);
    await until(() => expect(hints).toEqual([HINT]));
    const { record } = makeTask();
    await two.insert({ record, events: [] }, NO_LIMITS, LONG_MS);
    await until(() => expect(hints.slice(1)).toMatchObject([{ id: record.id }]));
  });

  test("have no numbers that keep later ones from being heard", async () => {
    const { database, two, hints } = several();
    for (const n of ["9223372036854775807", "4611686018427387904", "9007199254740993", "4503599627370496"]) {
      database.exec(`INSERT INTO offload_hints (n, writer, hints) VALUES (${n}, 9007199254740993, '[]')`);
    }
    const { record } = makeTask();
    await two.insert({ record, events: [] }, NO_LIMITS, LONG_MS);
    await until(() => expect(hints).toMatchObject([{ id: record.id }]));
    const next = makeTask().record;
    await two.insert({ record: next, events: [] }, NO_LIMITS, LONG_MS);
    await until(() => expect(hints.slice(1)).toMatchObject([{ id: next.id }]));
    for (const _ of upTo(70)) await two.append(record, "process-1", []);
    const count = database.prepare("SELECT count(*) AS n FROM offload_hints WHERE n > 1000").get();
    expect(count).toMatchObject({ n: 0 });
  });

  test.each([
    ["their table is gone", "DROP TABLE offload_hints"],
    ["that of the watchers is", "DROP TABLE offload_watchers"],
    ["they are refused", trigger("RAISE(ABORT, 'No more.')")],
    ["they are refused in the middle", trigger("RAISE(FAIL, 'No more.')")],
    ["they take the whole transaction with them", trigger("RAISE(ROLLBACK, 'No more.')")],
  ])("are not needed for a write: %s", async (_, sql) => {
    const { database, one, two } = several();
    const own: StoreHint[] = [];
    two.watch?.((hint) => void own.push(hint));
    database.exec(sql);
    const tasks = upTo(3).map(() => makeTask({}, [started]).record);
    const inserts = tasks.map((record) => two.insert({ record, events: [started] }, NO_LIMITS, LONG_MS));
    expect(await Promise.all(inserts)).toMatchObject(Array(3).fill({ status: "inserted" }));
    const end = { ...change({ status: "completed", completedAt: 1 }, [completed]), result: whole(42) };
    const ends = tasks.map((record) => two.transition(record, 1, end));
    expect(await Promise.all(ends)).toMatchObject(Array(3).fill({ status: "completed", version: 2 }));
    for (const { id } of tasks) {
      expect(await one.result(ADA, id)).toEqual(whole(42));
      expect(await one.get(ADA, id)).toMatchObject({ status: "completed", version: 2, lastSeq: 2 });
    }
    await until(() => expect(own).toHaveLength(6));
  });

  test("are left again when that is possible again", async () => {
    const { database, two, hints } = several();
    database.exec(trigger("RAISE(ROLLBACK, 'No more.')"));
    const [one, other] = [makeTask().record, makeTask().record];
    await two.insert({ record: one, events: [] }, NO_LIMITS, LONG_MS);
    database.exec("DROP TRIGGER refused");
    await two.insert({ record: other, events: [] }, NO_LIMITS, LONG_MS);
    await until(() => expect(hints).toMatchObject([{ id: other.id }]));
  });

  test("do not hide why a call has failed", async () => {
    const { database, two } = several();
    database.exec(trigger("RAISE(ROLLBACK, 'No more.')"));

    const tasks = [makeTask(), makeTask({ metadata: { big: 1n } }), makeTask()];
    const answers = await Promise.allSettled(tasks.map((task) => two.insert(task, NO_LIMITS, LONG_MS)));
    expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(String((answers[1] as PromiseRejectedResult).reason)).toContain("BigInt");
  });
});

function trigger(raise: string): string {
  return `CREATE TRIGGER refused BEFORE INSERT ON offload_hints BEGIN SELECT ${raise}; END`;
}

test.each(DRIVERS)("who could not ask for hints at once is told when it has, on $name", async ({ open }) => {
  const path = newPath();
  const store = sqliteStore({ database: open(path) });
  const other = open(path);
  await store.lapsed(1);
  other.exec("BEGIN IMMEDIATE");
  let missed = 0;
  const stop = store.watch?.(
    () => undefined,
    () => {
      missed += 1;
    },
  );
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(missed).toBe(0);
  other.exec("COMMIT");
  await until(() => expect(missed).toBe(1));
  stop?.();
  await store.close();
});
