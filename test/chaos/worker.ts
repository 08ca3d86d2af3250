/** One process of the chaos tests: it starts tasks, takes turns, delivers follow-ups, and notes all of it. */
import { setTimeout as sleep } from "node:timers/promises";
import { FollowUpDispatcher } from "../../src/follow-up/index.ts";
import { BackgroundTaskManager, ToolOffloadMiddleware } from "../../src/index.ts";
import { type CallTerms, nextCall, takeTurn } from "./calls.ts";
import { CLAIM_MS } from "./deliveries.ts";
import { writerOf } from "./journal.ts";
import type { Order } from "./processes.ts";
import { pulse } from "./pulse.ts";
import { seeded } from "./random.ts";
import { open, type Place } from "./stores.ts";
import type { Pace } from "./troubles.ts";
import { TIMEOUT_MS } from "./turns.ts";
import { stepClock } from "./wall-clock.ts";

export interface WorkerOptions extends Pick<Pace, "leaseMs" | "toolMs"> {
  place: Place;
  journal: string;
  seed: number;
  users: number;
  /** Tasks this process starts. */
  tasks: number;
  /** Turns it takes at a time, one after the other, until it is told to rest. */
  turns: number;
}

/** A store that fails may be back by then. */
const RETRY_MS = 50;
const DEAF_MS = 300;

const options = JSON.parse(process.argv[2] ?? "") as WorkerOptions;
const random = seeded(options.seed);
const note = writerOf(options.journal);
const terms: CallTerms = { ...options, random, note };
const { store } = open(options.place);
const tasks = new BackgroundTaskManager({
  store,
  leaseMs: options.leaseMs,
  limits: { runningPerUser: Infinity, runningPerSession: Infinity },
  retention: { finishedPerUser: Infinity },
});
const offload = new ToolOffloadMiddleware({ tasks, timeoutMs: TIMEOUT_MS });
const dispatcher = new FollowUpDispatcher({
  tasks,
  leaseMs: CLAIM_MS,
  coalesceMs: 20,
  pollMs: 100,
  retryMs: 50,
  maxAttempts: 1_000,
  maxConsecutiveTurns: Infinity,
  async deliver({ scope, followUps, signal }) {
    deliveries += 1;
    const session = `${scope.userId}/${scope.sessionId}`;
    const told = { delivery: deliveries, session, ids: followUps.map(({ id }) => id) };
    note({ event: "delivery.begun", ...told });
    try {
      // Some are slow, and do not hear that they should stop.
      if (random() < 0.1) await sleep(DEAF_MS);
      else await sleep(5 + random() * 60, undefined, { signal });
    } catch (error) {
      note({ event: "delivery.broken", ...told });
      throw error;
    }
    note({ event: "delivery.ended", ...told });
  },
});
let deliveries = 0;
let isResting = false;
let isStopping = false;

async function startTasks(): Promise<void> {
  for (let task = 0; task < options.tasks; task += 1) {
    const { call, execute } = nextCall(terms);
    const started = await tasks.start(call, execute).catch(() => undefined);
    if (started === undefined) await sleep(RETRY_MS);
    else note({ event: "task.started", id: started.id });
  }
}

async function takeTurns(): Promise<void> {
  while (!isResting) {
    await takeTurn(offload, nextCall(terms), note);
    await sleep(random() * 500);
  }
}

/** One of them is enough: it hears of both processes' tasks. */
async function watchUser(): Promise<void> {
  const ended = (reason: string) => isStopping || note({ event: "watch.ended", reason });
  try {
    for await (const _ of tasks.watch({ userId: "u0" }));
    ended("It has come to an end.");
  } catch (error) {
    ended(String(error));
  }
}

async function rest(): Promise<void> {
  isResting = true;
  await turns;
  process.send?.("resting");
}

async function stop(): Promise<void> {
  isResting = true;
  isStopping = true;
  await dispatcher.stop();
  await tasks.close({ drainMs: 5_000 });
  process.exit(0);
}

function obey(order: Order): void {
  if (typeof order === "object") stepClock(order.stepMs);
  if (order === "rest") void rest();
  if (order === "stop") void stop();
}

process.on("message", obey);
// Nobody is left to stop it.
process.on("disconnect", () => process.exit(1));
pulse(note);
tasks.on("record.damaged", ({ taskId: id }) => note({ event: "record.damaged", id }));
dispatcher.start();
void watchUser();
process.send?.("ready");
const turns = Promise.all(Array.from({ length: options.turns }, takeTurns));
await startTasks();
process.send?.("started");
