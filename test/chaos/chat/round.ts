import { setTimeout as sleep } from "node:timers/promises";
import type { TaskStore } from "../../../src/core/model/store.ts";
import type { TaskRecord } from "../../../src/core/model/task.ts";
import { linesOf, linesWith } from "../journal.ts";
import { isOver, recordsOf } from "../judge.ts";
import { type Load, underLoad } from "../load.ts";
import { Worker } from "../processes.ts";
import { seeded } from "../random.ts";
import { CHAT_WORKER } from "../scripts.ts";
import { open, type Place } from "../stores.ts";
import type { Trouble } from "../troubles.ts";
import { untilNone } from "../waiting.ts";
import { Conversations } from "./conversations.ts";
import { type ChatReport, judge } from "./judge.ts";
import { USERS } from "./sessions.ts";

const PROCESSES = 3;
/** Of each process. */
const CALLS = 67;

/** Three processes serve the users of fifty sessions, 200 tasks end meanwhile, and something happens. */
export async function chatRound(
  place: Place,
  seed: number,
  trouble: Trouble,
  journal: string,
): Promise<ChatReport> {
  const { happens, pace } = trouble;
  const file = `${journal}.conversations`;
  const conversations = new Conversations(file);
  const workers = Array.from({ length: PROCESSES }, (_, n) => {
    return new Worker(CHAT_WORKER, {
      ...pace,
      place,
      conversations: file,
      journal,
      seed: seed + n,
      calls: CALLS,
    });
  });
  const [heir, , victim] = workers as [Worker, Worker, Worker];
  const { store, close } = open(place);
  try {
    await Promise.all(workers.map(({ ready }) => ready));
    const loads: Load[] = [];
    const hit = async () => void loads.push(await underLoad(journal));
    const records = () => recordsOf(store, USERS);
    await happens({ place, victim, workers, random: seeded(seed), hit, records, damaged: [] });
    await untilNone(async () => callsLeft(journal, workers), 100);
    await Promise.all(workers.map((worker) => worker.rest()));
    await end(store, heir);
    await Promise.all(workers.map((worker) => worker.stop()));
    return await judge(store, conversations, { journal, workers, loads, trouble });
  } finally {
    await Promise.all(workers.map((worker) => worker.kill()));
    conversations.close();
    await close();
  }
}

/** How many the processes that live are still to make. */
function callsLeft(journal: string, workers: readonly Worker[]): number {
  const made = linesWith(linesOf(journal), "tool.begun");
  const left = workers
    .filter(({ brokenOffAt }) => brokenOffAt === undefined)
    .map(({ pid }) => CALLS - made.filter((line) => line.pid === pid).length);
  return left.reduce((all, some) => all + some, 0);
}

/** All that is told by itself is told, and then the rest. */
async function end(store: TaskStore, worker: Worker): Promise<void> {
  // A task may be on its way while none is there.
  await sleep(200);
  const isSilent = ({ followUp }: TaskRecord) => followUp.status === "pending" && followUp.mode === "silent";
  const left = async (isLeft: (record: TaskRecord) => boolean) =>
    (await recordsOf(store, USERS)).filter(isLeft).length;
  await untilNone(() => left((record) => !isOver(record) && !isSilent(record)), 100);
  await worker.gather();
  await untilNone(() => left((record) => !isOver(record)), 100);
}
