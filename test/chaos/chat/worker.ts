/** One process of a chat's host: its users speak at random, results are told when they come, and all of it is noted. */
import { setTimeout as sleep } from "node:timers/promises";
import { FollowUpDispatcher, type Turn } from "../../../src/follow-up/index.ts";
import { BackgroundTaskManager, type TaskScope, ToolOffloadMiddleware } from "../../../src/index.ts";
import { writerOf } from "../journal.ts";
import type { Order } from "../processes.ts";
import { feel, pulse } from "../pulse.ts";
import { seeded } from "../random.ts";
import { open, type Place } from "../stores.ts";
import type { Pace } from "../troubles.ts";
import { trueNow } from "../wall-clock.ts";
import { Conversations, Fenced } from "./conversations.ts";
import { isValid, type Message } from "./messages.ts";
import { LEASE_MS, SESSIONS, sessionText } from "./sessions.ts";

export interface ChatOptions extends Pick<Pace, "leaseMs" | "toolMs"> {
  place: Place;
  conversations: string;
  journal: string;
  seed: number;
  /** How many calls its users have it make. */
  calls: number;
}

const SPEAKERS = 4;
/** A store that fails may be back by then. */
const RETRY_MS = 50;
/** Of those who speak once more. */
const AT_ONCE = 10;
/** Milliseconds a call is waited for before it is offloaded. */
const TIMEOUT_MS = 20;
/** Milliseconds that a user thinks at most. */
const THINKING_MS = 150;
/** Milliseconds that a model takes at most. */
const STEP_MS = 40;

const options = JSON.parse(process.argv[2] ?? "") as ChatOptions;
const random = seeded(options.seed);
const note = writerOf(options.journal);
const conversations = new Conversations(options.conversations);
const tasks = new BackgroundTaskManager({
  store: open(options.place).store,
  leaseMs: options.leaseMs,
  retention: { finishedPerUser: Infinity },
});
const offload = new ToolOffloadMiddleware({ tasks, timeoutMs: TIMEOUT_MS });
const dispatcher = new FollowUpDispatcher({
  tasks,
  leaseMs: LEASE_MS,
  coalesceMs: 20,
  pollMs: 100,
  retryMs: 50,
  maxAttempts: 1_000,
  deliver: (turn) => takeTurn(turn),
});
let calls = 0;
let isResting = false;

/** A turn as any host takes one. */
async function takeTurn(turn: Turn, text?: string, askedAt = Date.now()): Promise<void> {
  const { scope, number, by } = turn;
  const session = sessionText(scope);
  note({ event: "chat.begun", session, turn: number, by, waitedMs: Date.now() - askedAt });
  let outcome: "done" | "fenced" | "broken" = "broken";
  try {
    await converse(turn, session, text);
    outcome = "done";
  } catch (error) {
    if (error instanceof Fenced) outcome = "fenced";
    throw error;
  } finally {
    note({ event: "chat.ended", session, turn: number, outcome });
  }
}

async function converse(turn: Turn, session: string, text: string | undefined): Promise<void> {
  const { scope, number, followUps, signal } = turn;
  const history = conversations.open(session, number);
  if (!isValid(history)) note({ event: "chat.invalid", session });
  const told = new Set(history.flatMap((message) => ("notice" in message ? message.notice : [])));
  const [fresh, again] = [
    followUps.filter(({ id }) => !told.has(id)),
    followUps.filter(({ id }) => told.has(id)),
  ];
  if (again.length > 0) note({ event: "chat.again", session, turn: number, ids: again.map(({ id }) => id) });
  const write = (...messages: Message[]) => conversations.write(session, number, messages);
  if (fresh.length > 0) {
    const ids = fresh.map(({ id }) => id);
    write({ role: "user", notice: ids });
    note({ event: "chat.told", session, turn: number, ids });
  }
  if (text !== undefined) write({ role: "user", text });
  if (fresh.length === 0 && text === undefined) return;
  await sleep(random() * STEP_MS, undefined, { signal });
  if (text !== undefined && calls < options.calls) {
    const toolCall = `${process.pid}.${++calls}`;
    write(
      { role: "assistant", toolCall },
      { role: "tool", toolCall, output: await callTool(toolCall, scope, signal) },
    );
    await sleep(random() * STEP_MS, undefined, { signal });
  }
  write({ role: "assistant", text: "Well." });
  // Half of the turns leave it to the library.
  if (random() < 0.5 && (await turn.acknowledge())) {
    note({ event: "chat.acknowledged", ids: fresh.map(({ id }) => id) });
  }
}

async function callTool(toolCallId: string, scope: TaskScope, signal: AbortSignal): Promise<string> {
  const call = { toolName: "tool", toolCallId, input: {}, scope, signal };
  const outcome = await offload.run(call, async () => {
    note({ event: "tool.begun", call: toolCallId });
    await sleep(random() * options.toolMs);
    note({ event: "tool.ended", call: toolCallId });
    return "found";
  });
  if (outcome.status === "completed") return outcome.value;
  note({ event: "task.started", id: outcome.task.id });
  return outcome.message;
}

async function speak(scope: TaskScope): Promise<void> {
  const askedAt = Date.now();
  const whenBusy = random() < 0.2 ? "preempt" : "wait";
  let hasBegun = false;
  const run = (turn: Turn) => {
    hasBegun = true;
    return takeTurn(turn, "Hello.", askedAt);
  };
  await dispatcher.turn(scope, run, { whenBusy }).catch((error: unknown) => {
    if (!hasBegun) note({ event: "chat.shut_out", session: sessionText(scope), reason: String(error) });
  });
}

/** Half of them are where others are, too. */
function anySession(): TaskScope {
  const among = random() < 0.5 ? 3 : SESSIONS.length;
  return SESSIONS[Math.floor(random() * among)] as TaskScope;
}

async function keepSpeaking(): Promise<void> {
  while (!isResting) {
    await speak(anySession());
    // Somebody presses Stop, in whatever process that arrives.
    if (random() < 0.03) await dispatcher.abortTurn(anySession()).catch(() => false);
    await sleep(random() * THINKING_MS);
    if (calls >= options.calls) process.send?.("started");
  }
}

/** Users speak once it is: on a busy machine that takes a while. */
async function storeIsOpen(): Promise<void> {
  const isAnswered = () =>
    tasks.list({ userId: "u0" }).then(
      () => true,
      () => false,
    );
  while (!(await isAnswered())) await sleep(RETRY_MS);
}

async function rest(): Promise<void> {
  isResting = true;
  await speaking;
  process.send?.("resting");
}

/** Every user speaks once more, and is told what nobody was woken for. */
async function gather(): Promise<void> {
  for (let at = 0; at < SESSIONS.length; at += AT_ONCE) {
    await Promise.all(SESSIONS.slice(at, at + AT_ONCE).map(speak));
  }
  process.send?.("gathered");
}

async function stop(): Promise<void> {
  await rest();
  await dispatcher.stop();
  await tasks.close({ drainMs: 5_000 });
  process.exit(0);
}

const ORDERS: Partial<Record<string, () => Promise<void>>> = { rest, gather, stop };

process.on("message", (order: Order) => void ORDERS[String(order)]?.());
// Nobody is left to stop it.
process.on("disconnect", () => process.exit(1));
pulse(note);
// It is alone in its process only, and what it writes is fenced.
tasks.on("turn.unguarded", () => note({ event: "process.held_up", since: trueNow() }));
// A write: who is frozen in the midst of one keeps others from theirs.
void feel(note, () => dispatcher.userSpoke({ userId: "nobody" }));
dispatcher.start();
await storeIsOpen();
const speaking = Promise.all(Array.from({ length: SPEAKERS }, keepSpeaking));
process.send?.("ready");
