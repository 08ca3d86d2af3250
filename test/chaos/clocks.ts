import { setTimeout as sleep } from "node:timers/promises";
import type { Worker } from "./processes.ts";
import { BRISK, CALM, LEASE_MS, type Trouble } from "./troubles.ts";

const HOUR_MS = 3_600_000;
/** More than a result waits to be told, and more than a finished task is kept. */
const LONG_MS = 8 * 24 * HOUR_MS;

/** The wall clocks are set ahead and back, of all processes or of one. No lease lapses by that. */
export const stepped: Trouble = {
  pace: CALM,
  share: 0.2,
  async happens({ workers, random, hit }) {
    for (const ms of shuffled([HOUR_MS, -HOUR_MS, LONG_MS, -LONG_MS], random)) {
      await hit();
      const one = Math.floor(random() * 2 * workers.length);
      for (const worker of one < workers.length ? workers.slice(one, one + 1) : workers) worker.step(ms);
      await sleep(random() * 800);
    }
  },
};

/** All processes are held up for longer than their leases, and woken again: nobody is left to see to their tasks. */
export const suspended: Trouble = {
  pace: BRISK,
  share: 0.2,
  async happens({ workers, victim, random, hit }) {
    await victim.started;
    await sleep(random() * 800);
    await hit();
    await holdUp(workers);
  },
};

/** One process is, and woken when others have its tasks. */
export const frozen: Trouble = {
  pace: BRISK,
  async happens({ victim, random }) {
    await victim.started;
    await sleep(random() * 800);
    await holdUp([victim]);
  },
};

async function holdUp(workers: readonly Worker[]): Promise<void> {
  for (const worker of workers) worker.freeze();
  await sleep(2.5 * LEASE_MS);
  for (const worker of workers) worker.wake();
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, at: random() }))
    .sort((one, other) => one.at - other.at)
    .map(({ item }) => item);
}
