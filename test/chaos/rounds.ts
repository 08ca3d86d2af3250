import { setTimeout as sleep } from "node:timers/promises";
import type { TaskStore } from "../../src/core/model/store.ts";
import type { TaskRecord } from "../../src/core/model/task.ts";
import { writerOf } from "./journal.ts";
import { type Events, isOver, judge, type Report, recordsOf } from "./judge.ts";
import { type Load, underLoad } from "./load.ts";
import { Worker } from "./processes.ts";
import { seeded } from "./random.ts";
import { TASK_WORKER } from "./scripts.ts";
import { open, type Place, through } from "./stores.ts";
import type { Trouble } from "./troubles.ts";
import { untilNone } from "./waiting.ts";
import type { WorkerOptions } from "./worker.ts";

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
  const heir = workerOf({ ...common, seed: seed + 1, tasks: 0, turns: 0 });
  const victim = workerOf({ ...common, seed, tasks: TASKS, turns: TURNS });
  const workers = [heir, victim];
  const { store, close } = open(place);
  const note = writerOf(journal);
  store.onDamage?.(({ taskId: id }) => note({ event: "record.damaged", id }));
  try {
    await Promise.all(workers.map(({ ready }) => ready));
    const loads: Load[] = [];
    const damaged: TaskRecord[] = [];
    const hit = async () => void loads.push(await underLoad(journal));
    const records = () => recordsOf(store, USERS);
    await happens({ place, victim, workers, random: seeded(seed), hit, records, damaged });
    await victim.started;
    await victim.rest();
    return await outcomeOf(store, workers, { ...pace, journal, loads, damaged });
  } finally {
    await Promise.all(workers.map((worker) => worker.kill()));
    await close();
  }
}

function workerOf(options: WorkerOptions): Worker {
  return new Worker(TASK_WORKER, options);
}

async function outcomeOf(
  store: TaskStore,
  workers: readonly Worker[],
  seen: Omit<Events, "workers">,
): Promise<Report> {
  // A task may be on its way while none is there.
  await sleep(200);
  await untilNone(
    async () => (await recordsOf(store, USERS)).filter((record) => !isOver(record)).length,
    100,
  );
  await Promise.all(workers.map((worker) => worker.stop()));
  return judge(store, USERS, { ...seen, workers });
}
