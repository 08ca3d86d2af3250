import { setTimeout as sleep } from "node:timers/promises";
import { type Events, isOver, judge, type Report, recordsOf } from "./judge.ts";
import { type Load, underLoad } from "./load.ts";
import { Worker } from "./processes.ts";
import { seeded } from "./random.ts";
import { open, type Place, through } from "./stores.ts";
import type { Trouble } from "./troubles.ts";
import { untilTrue } from "./waiting.ts";

const USERS = 10;
const TASKS = 200;
const TURNS = 10;

/** One process runs 200 tasks and takes turns, another one stands by, and something happens. */
export async function round(
  place: Place,
  seed: number,
  { happens, wire, pace }: Trouble,
  journal: string,
): Promise<Report> {
  const reached = wire ? through(wire.port, place) : place;
  const common = { ...pace, place: reached, journal, users: USERS };
  const heir = new Worker({ ...common, seed: seed + 1, tasks: 0, turns: 0 });
  const victim = new Worker({ ...common, seed, tasks: TASKS, turns: TURNS });
  const workers = [heir, victim];
  try {
    await Promise.all(workers.map(({ ready }) => ready));
    const loads: Load[] = [];
    const hit = async () => void loads.push(await underLoad(journal));
    await happens({ place, victim, random: seeded(seed), hit });
    await victim.started;
    await victim.rest();
    return await outcomeOf(place, workers, { ...pace, journal, loads });
  } finally {
    await Promise.all(workers.map((worker) => worker.kill()));
  }
}

async function outcomeOf(
  place: Place,
  workers: readonly Worker[],
  seen: Omit<Events, "workers">,
): Promise<Report> {
  const { store, close } = open(place);
  try {
    // A task may be on its way while none is there.
    await sleep(200);
    await untilTrue(async () => (await recordsOf(store, USERS)).every(isOver), 100);
    await Promise.all(workers.map((worker) => worker.stop()));
    return await judge(store, USERS, { ...seen, workers });
  } finally {
    await close();
  }
}
