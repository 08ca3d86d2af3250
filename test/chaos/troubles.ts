import { setTimeout as sleep } from "node:timers/promises";
import Database from "libsql";
import type { TaskRecord } from "../../src/core/model/task.ts";
import type { Worker } from "./processes.ts";
import type { Place } from "./stores.ts";
import { untilTrue } from "./waiting.ts";
import type { Way, Wire } from "./wire.ts";

/** Milliseconds of a lease. */
export const LEASE_MS = 1_000;
/** More than a manager waits for its store: `storeTimeoutMs` is 2_000. */
const SLOW_MS = 3_000;
const CUTS = 5;

/** A round under way. */
export interface Scene {
  place: Place;
  /** The process with the tasks. */
  victim: Worker;
  /** All processes. */
  workers: readonly Worker[];
  random: () => number;
  /** Every task that can be read. */
  records(): Promise<TaskRecord[]>;
  /** Whoever damages a record notes it here. */
  damaged: TaskRecord[];
  /** Waits for the midst of the work, and notes what was going on there: now the store is hit. */
  hit(): Promise<void>;
}

export interface Trouble {
  happens(scene: Scene): Promise<void>;
  /** The workers' way to the store. @default the direct one */
  wire?: Wire;
  pace: Pace;
  /** Whether the store cannot be asked for a while. @default false */
  isStoreAway?: boolean;
  /** How many of the rounds are enough. @default 1, all of them */
  share?: number;
}

/** How the workers go about it. */
export interface Pace {
  /** Milliseconds after which the tasks of a process are taken for lost. */
  leaseMs: number;
  /** Whether that may happen. */
  mayLapse: boolean;
  /** Milliseconds that a tool takes at most. */
  toolMs: number;
}

/** Processes are found dead soon. */
export const BRISK: Pace = { leaseMs: LEASE_MS, mayLapse: true, toolMs: 1_500 };
/** No process dies, and every lease outlasts what happens to the store. */
export const CALM: Pace = { leaseMs: 10_000, mayLapse: false, toolMs: 1_500 };
/** Some tools outlast a call of the slow store. */
const SLOW: Pace = { ...CALM, toolMs: 3_500 };

/** Nothing happens. */
export const quiet: Trouble = { pace: CALM, share: 0.2, happens: async ({ victim }) => victim.started };

/** Killed at any instant from its first task on, also while it starts the others. */
export const killed: Trouble = {
  pace: BRISK,
  async happens({ victim, records, random }) {
    await untilTrue(async () => (await records()).length > 0, 20);
    await sleep(random() * 1_500);
    await victim.kill();
  },
};

/** The store's server crashes and comes back. */
export function crashing(crash: () => Promise<void>): Trouble {
  return {
    pace: CALM,
    isStoreAway: true,
    async happens({ random, hit }) {
      await sleep(random() * 800);
      await hit();
      await crash();
    },
  };
}

/** The store's server closes all connections, again and again. */
export function cutting(cut: () => Promise<unknown>): Trouble {
  return {
    pace: CALM,
    async happens({ random, hit }) {
      for (let times = 0; times < CUTS; times += 1) {
        await sleep(random() * 500);
        await hit();
        await cut();
      }
    },
  };
}

/** The store's server is far away for a while: either what it is asked comes late, or what it answers. */
export function slowing(wire: Wire): Trouble {
  return {
    pace: SLOW,
    wire,
    async happens({ random, hit }) {
      const way: Way = random() < 0.5 ? "requests" : "answers";
      await hit();
      wire.delays[way] = SLOW_MS;
      await sleep(SLOW_MS * (1 + random() / 2));
      wire.delays[way] = 0;
      await sleep(SLOW_MS);
    },
  };
}

/** Another process writes for so long that nobody else can, and soon again. */
export const locked: Trouble = {
  pace: SLOW,
  async happens({ place, hit }) {
    if (place.kind !== "sqlite") throw new Error(`There is no lock in ${place.kind}.`);
    const database = new Database(place.path, { timeout: SLOW_MS });
    for (const table of ["one", "two"]) {
      await hit();
      database.exec("BEGIN IMMEDIATE");
      database.exec(`CREATE TABLE ${table} (n)`);
      await sleep(SLOW_MS);
      database.exec("COMMIT");
    }
    database.close();
  },
};
