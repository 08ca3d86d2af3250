import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { MIGRATIONS } from "../../../src/stores/sqlite/schema.ts";
import { type SqliteDatabaseLike, sqliteStore } from "../../../src/stores/sqlite.ts";
import { ADA, finishPending, insert, type Lab, LONG_MS } from "../../../src/testing/suite/lab.ts";
import { DRIVERS, newPath } from "./lab.ts";

/** What files out there were made with. Never change one of these: write the next migration. */
const DIGESTS = [
  "590b4eeb55d5970139915e6d8dedc42ef2d604db4ea244d2f1efd4654e2a9cb2",
  "72e8168bc4b1adfde9e8f295f47832aee8764b1227969a5eecd7a21ed22028e5",
  "ab0490bee6702c51b0f22f9f1ab89d93232c71e9ef22993424d3d1611ca0125d",
  "5acebecef280d9d2879908d372bfaa8fe8cdc83a89818d5563ef20d09fa5bac9",
];

test("versions never change", () => {
  const digests = MIGRATIONS.map((sql) => createHash("sha256").update(sql).digest("hex"));
  expect(digests).toEqual(DIGESTS);
});

describe.each(DRIVERS)("a file of version 2, on $name", ({ open }) => {
  /** A file of the newest version as version 2 would have left it. */
  function madeOlder(path: string): SqliteDatabaseLike {
    const database = open(newPath());
    database.exec("CREATE TABLE offload_meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID");
    for (const migration of MIGRATIONS.slice(0, 2)) database.exec(migration);
    database.exec(`ATTACH '${path}' AS newer`);
    for (const table of ["tasks", "parts", "sessions", "shelves"]) {
      const rows = database.prepare(`PRAGMA table_info(offload_${table})`).all() as { name: string }[];
      const columns = rows.map(({ name }) => name).join(", ");
      database.exec(`DELETE FROM offload_${table};
        INSERT INTO offload_${table} (${columns}) SELECT ${columns} FROM newer.offload_${table}`);
    }
    database.exec("INSERT INTO offload_meta VALUES ('schema', 2)");
    database.exec("DETACH newer");
    return database;
  }

  test("goes on: what was claimed is claimed by the library, and nobody waits", async () => {
    const path = newPath();
    const first = sqliteStore({ database: open(path) });
    const lab: Lab = { store: first, now: Date.now, advance: async () => undefined };
    const told = await finishPending(lab, { sessionId: "claimed" });
    const claim = await first.claim("me", LONG_MS, { maxTurns: 9 });
    const waiting = await finishPending(lab, { sessionId: "free" });
    await insert(lab, { sessionId: null });
    const records = (await first.list(ADA, { limit: 9 })).records;
    await first.close();

    const store = sqliteStore({ database: madeOlder(path) });
    expect((await store.list(ADA, { limit: 9 })).records).toEqual(records);
    const terms = { by: "user", take: true, maxHolds: 3, waitMs: 0 } as const;
    const hold = (sessionId: string) => store.hold("you", LONG_MS, { userId: "ada", sessionId }, terms);
    expect(await hold("claimed")).toEqual({ heldBy: "library" });
    expect(claim && (await store.prolong(claim, LONG_MS))).toEqual({ stop: null });
    expect(claim && (await store.settle(claim, { [told.id]: { type: "acknowledge" } }))).toHaveLength(1);
    expect(await hold("claimed")).toMatchObject({ tasks: [], turns: 0 });
    expect(await hold("free")).toMatchObject({ tasks: [{ id: waiting.id, followUp: { holds: 1 } }] });
  });
});
