import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { afterAll, describe } from "vitest";
import type { StoreHint, TaskStore } from "../../../src/core/model/store.ts";
import type { SqliteDatabaseLike } from "../../../src/stores/sqlite.ts";
import { openNodeSqlite } from "./drivers.ts";

export interface Driver {
  name: string;
  open(path: string): SqliteDatabaseLike;
}

const libsql: Driver = { name: "libsql", open: (path) => new Database(path) };

/** Every driver that this Node has. */
export const DRIVERS: Driver[] = openNodeSqlite
  ? [libsql, { name: "node:sqlite", open: openNodeSqlite }]
  : [libsql];

/** Tests that need `node:sqlite`: skipped where there is none, and their title says so. */
export function describeNodeSqlite(name: string, run: () => void): void {
  const has = openNodeSqlite !== undefined;
  const reason = `Node ${process.versions.node} has no node:sqlite`;
  describe.skipIf(!has)(has ? name : `${name} (skipped: ${reason})`, run);
}

const directory = mkdtempSync(join(tmpdir(), "tool-offload-sqlite-"));
let files = 0;
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** The path of a file that is not there yet, in a directory that goes after the tests. */
export function newPath(): string {
  files += 1;
  return join(directory, `${files}.db`);
}

/** Calls go to one store after the other, as if from several processes. */
export function inTurns(stores: readonly [TaskStore, ...TaskStore[]]): TaskStore {
  let calls = 0;
  const next = () => stores[calls++ % stores.length] ?? stores[0];
  return {
    isShared: true,
    insert: (...args) => next().insert(...args),
    get: (...args) => next().get(...args),
    list: (...args) => next().list(...args),
    transition: (...args) => next().transition(...args),
    admit: (...args) => next().admit(...args),
    append: (...args) => next().append(...args),
    events: (...args) => next().events(...args),
    result: (...args) => next().result(...args),
    changes: (...args) => next().changes(...args),
    checkpoint: (...args) => next().checkpoint(...args),
    payload: (...args) => next().payload(...args),
    renew: (...args) => next().renew(...args),
    lapsed: (...args) => next().lapsed(...args),
    claim: (...args) => next().claim(...args),
    hold: (...args) => next().hold(...args),
    extend: (...args) => next().extend(...args),
    stopTurn: (...args) => next().stopTurn(...args),
    prolong: (...args) => next().prolong(...args),
    settle: (...args) => next().settle(...args),
    resetTurns: (...args) => next().resetTurns(...args),
    sweep: (...args) => next().sweep(...args),
    watch: (listener: (hint: StoreHint) => void) => next().watch?.(listener) ?? (() => undefined),
    close: async () => {
      for (const store of stores) await store.close();
    },
  };
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
