import Database from "libsql";
import { describe, expect, test } from "vitest";
import { sqliteStore } from "../../../src/stores/sqlite.ts";
import { makeTask } from "../../../src/testing/make-task.ts";
import { ADA, change, completed, LONG_MS, NO_LIMITS, upTo } from "../../../src/testing/suite/lab.ts";
import { newPath } from "./lab.ts";
import { runWorkers } from "./workers.ts";

/** Real processes, which begin at the same moment; where Node has `node:sqlite`, every other one uses that. */
const WORKERS = 4;

function connect(path: string) {
  return sqliteStore({ database: new Database(path) });
}

async function withContested(path: string): Promise<void> {
  const store = connect(path);
  await store.insert(makeTask({ id: "contested" }, []), NO_LIMITS, LONG_MS);
  await store.close();
}

describe("several processes on one file", { timeout: 120_000 }, () => {
  test("ten that start at once on an empty file make one schema, and all of them work", async () => {
    const path = newPath();
    const answers = await runWorkers(upTo(10).map((worker) => ({ type: "open", path, worker })));
    expect(answers).toEqual(Array(10).fill("inserted"));
    expect((await connect(path).list(ADA, { limit: 99 })).records).toHaveLength(10);
  });

  test("share a limit", async () => {
    const path = newPath();
    const job = { type: "insert", path, count: 30, runningPerUser: 7 } as const;
    const inserted = await runWorkers(upTo(WORKERS).map((worker) => ({ ...job, worker })));
    expect((inserted as number[]).reduce((sum, count) => sum + count, 0)).toBe(7);
    expect((await connect(path).list(ADA, { limit: 99 })).records).toHaveLength(7);
  });

  test("each transition is made by one of them", async () => {
    const path = newPath();
    await withContested(path);
    await runWorkers(upTo(WORKERS).map((worker) => ({ type: "count", path, worker, count: 50 })));
    expect(await connect(path).get(ADA, "contested")).toMatchObject({ version: 1 + WORKERS * 50 });
  });

  test("events are numbered without gaps, and those of one call stay together", async () => {
    const path = newPath();
    await withContested(path);
    const answers = await runWorkers(
      upTo(WORKERS).map((worker) => ({ type: "append", path, worker, count: 50 })),
    );
    const page = await connect(path).events(ADA, "contested", { after: 0, limit: 1_000 });
    expect(page?.events.map(({ seq }) => seq)).toEqual(upTo(WORKERS * 100));
    for (const [index, seqs] of (answers as number[][]).entries()) {
      const own = seqs.flatMap((seq) => page?.events.slice(seq - 2, seq) ?? []);
      const worker = index + 1;
      expect(own).toMatchObject(
        upTo(50).flatMap((n) => [{ chunk: `${worker}a${n - 1}` }, { chunk: `${worker}b${n - 1}` }]),
      );
    }
  });

  test("a session is held by one of them at a time, and the number of its turns grows", async () => {
    const path = newPath();
    const job = { type: "hold", path, count: 40 } as const;
    const answers = (await runWorkers(upTo(WORKERS).map((worker) => ({ ...job, worker })))) as number[][];
    for (const numbers of answers) expect(numbers).toEqual([...numbers].sort((one, other) => one - other));
    expect(new Set(answers.flat()).size).toBe(WORKERS * 40);
  });

  test("each session is delivered by one of them, once", async () => {
    const path = newPath();
    const store = connect(path);
    const followUp = { status: "pending", mode: "when_idle", attempts: 0, reason: null } as const;
    const ids = upTo(60).map((n) => `task-${n}`);
    for (const [n, id] of ids.entries()) {
      const { record } = makeTask({ id, sessionId: `session-${n % 30}` });
      await store.insert({ record, events: [] }, NO_LIMITS, LONG_MS);
      await store.transition(
        record,
        1,
        change({ status: "completed", completedAt: n, followUp }, [completed]),
      );
    }
    const delivered = await runWorkers(upTo(WORKERS).map((worker) => ({ type: "deliver", path, worker })));
    expect((delivered as string[][]).flat().sort()).toEqual([...ids].sort());
    for (const record of (await store.list(ADA, { limit: 99 })).records) {
      expect(record.followUp).toMatchObject({ status: "delivered", attempts: 1 });
    }
    await store.insert(makeTask({ status: "completed", sessionId: "session-3", followUp }), NO_LIMITS, 1);
    expect(await store.claim("me", LONG_MS, {})).toMatchObject({ sessionId: "session-3", turns: 1 });
  });
});
