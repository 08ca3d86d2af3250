import Database from "libsql";
import type { Clock } from "../../src/core/time/clock.ts";
import type { TaskStore } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { sqliteStore } from "../../src/stores/sqlite.ts";
import { TestClock, withoutMonotonic } from "./test-clock.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** By how many milliseconds clocks of the wall are set. */
export const STEPS = [-HOUR_MS, HOUR_MS, -8 * DAY_MS, 8 * DAY_MS];

/** The clock of a process, and the one its store goes by where that is another's. */
export interface SteppedWorld {
  readonly clock: TestClock;
  readonly server: TestClock;
  /** The process's clock, as its manager is given it. */
  readonly own: Clock;
  readonly store: TaskStore;
}

/** A process and its store, with a clock of the wall that can be set. For `describe.each`. */
export const STEPPED: { name: string; makeWorld: () => SteppedWorld }[] = [
  { name: "the memory store", makeWorld: () => worldOf(({ own }) => memoryStore({ clock: own })) },
  { name: "a server with a clock of its own", makeWorld: () => worldOf(onServer) },
  { name: "SQLite", makeWorld: () => worldOf(({ own }) => sqliteOn(own)) },
];

/** The same of a host whose clock knows nothing but the wall: it can be set back without harm, and no more. */
export const SET_BACK: typeof STEPPED = [
  {
    name: "the memory store",
    makeWorld: () => worldOf(({ own }) => memoryStore({ clock: own }), withoutMonotonic),
  },
  { name: "a server with a clock of its own", makeWorld: () => worldOf(onServer, withoutMonotonic) },
  { name: "SQLite", makeWorld: () => worldOf(({ own }) => sqliteOn(own), withoutMonotonic) },
];

/** A process whose store keeps its own time, as servers do. */
export function serverWorld(): SteppedWorld {
  return worldOf(onServer);
}

/** Time goes by for all, with time enough for everything that it brings about. */
export async function elapse({ clock, server }: SteppedWorld, ms: number): Promise<void> {
  const stepMs = ms > LONG_MS ? LONG_STEP_MS : STEP_MS;
  for (let left = ms; left > 0; left -= stepMs) {
    await rest();
    for (const one of new Set([clock, server])) one.advance(Math.min(left, stepMs));
  }
  await rest();
}

/** Time goes by for everybody but this machine, which sleeps. */
export function sleeps({ clock, server }: SteppedWorld, ms: number): void {
  clock.step(ms);
  server.advance(ms);
}

/** Everything happens that does so without time. */
export async function rest(): Promise<void> {
  for (let n = 0; n < 12; n += 1) await new Promise((resolve) => setImmediate(resolve));
}

const STEP_MS = 10;
/** Nobody looks that closely at what lasts longer. */
const LONG_MS = 5_000;
const LONG_STEP_MS = 100;

type Parts = Omit<SteppedWorld, "store">;

function worldOf(makeStore: (parts: Parts) => TaskStore, asGiven = (clock: TestClock): Clock => clock) {
  const [clock, server] = [new TestClock(), new TestClock()];
  const parts = { clock, server, own: asGiven(clock) };
  return { ...parts, store: makeStore(parts) };
}

function onServer({ server }: Parts): TaskStore {
  return { ...memoryStore({ clock: server }), isShared: true };
}

function sqliteOn(clock: Clock): TaskStore {
  return sqliteStore({ database: new Database(":memory:"), clock });
}
