import assert from "node:assert/strict";
import type { OffloadOutcome, TaskInfo } from "tool-offload";
import { killCommands, livingCommands } from "./processes.ts";
import { CANCEL_GRACE_MS, type Stage, TIMEOUT_MS } from "./stage.ts";
import { claim, say, scene } from "./terminal.ts";

const TESTS = 'for n in 1 2 3 4 5; do sleep 0.9; echo "$n/5 suite $n passed"; done';
const BACKUP = "sleep 4.5; echo 'no space left on /backup' >&2; exit 3";
const STUBBORN = "trap '' TERM; for n in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 1; done";

/** What the slow scene leaves running, for the later ones. */
export interface SlowTasks {
  tests: TaskInfo;
  archive: TaskInfo;
  backup: TaskInfo;
  nap: TaskInfo;
  stubborn: TaskInfo;
}

export async function fastCall({ ada, tasks, tools }: Stage): Promise<void> {
  scene("1. A fast call returns at once");
  await ada.hear("Which system is this?");
  const startedAt = performance.now();
  const outcome = await ada.use(tools.shell, { command: "uname -s" });
  const tookMs = performance.now() - startedAt;
  claim(
    `It took ${tookMs.toFixed(0)} ms, and the value is the tool's own.`,
    isValue(outcome) && tookMs < TIMEOUT_MS,
  );
  claim("No task was made.", (await tasks.list(ada.scope)).tasks.length === 0);
  await ada.answer(`It is ${outcome.value}.`);
}

export async function slowCalls({ ada, tasks, tools, site }: Stage): Promise<SlowTasks> {
  scene("2. Slow calls become tasks");
  await ada.hear("Prepare the release: tests, archive, backup. And have a nap.");
  const startedAt = performance.now();
  const outcomes = await Promise.all([
    ada.use(tools.shell, { command: TESTS }),
    ada.use(tools.fetchPage, { url: `${site.url}/archive` }),
    ada.use(tools.shell, { command: BACKUP }),
    ada.use(tools.wait, { seconds: 600 }),
    ada.use(tools.shell, { command: STUBBORN }),
  ]);
  const tookMs = performance.now() - startedAt;
  const [tests, archive, backup, nap, stubborn] = outcomes.map(offloaded);
  assert(tests && archive && backup && nap && stubborn);
  say("model", `reads: ${tests.message}`);
  claim("The placeholder names the task.", tests.message.includes(tests.task.id));
  claim(
    `The turn waited ${tookMs.toFixed(0)} ms for five calls, the slowest of which takes 10 minutes.`,
    tookMs >= TIMEOUT_MS && tookMs < 1_600,
  );
  const turn = await ada.answer("I have started everything, and will tell you what comes of it.");
  const { running } = await tasks.stats();
  claim("The turn is over, its signal is aborted, and all five tasks run on.", turn.aborted && running === 5);
  return {
    tests: tests.task,
    archive: archive.task,
    backup: backup.task,
    nap: nap.task,
    stubborn: stubborn.task,
  };
}

export async function agentGoesOn({ ada, tasks, tools, site }: Stage): Promise<void> {
  scene("3. The agent goes on");
  await ada.hear("Meanwhile, what is the news?");
  const outcome = await ada.use(tools.fetchPage, { url: `${site.url}/news` });
  claim("A new turn got its answer.", isValue(outcome) && outcome.value.status === 200);
  claim("Five tasks are still running.", (await tasks.stats()).running === 5);
  await ada.answer(outcome.value.body);
}

export async function progress({ ada, tasks }: Stage, { tests }: SlowTasks): Promise<void> {
  scene("4. Tasks tell how far they are");
  for await (const { task } of tasks.watch(ada.scope, { id: tests.id })) {
    if ((task.progress?.value ?? 0) >= 2) break;
  }
  const { events } = await tasks.events(ada.scope, tests.id);
  const output = events.map((event) => (event.type === "task.output" ? event.chunk : "")).join("");
  claim(
    "Two of five suites have passed at least, and what they have printed can be read.",
    output.includes("suite 2 passed"),
  );
  claim(
    "Their events are numbered without a gap.",
    events.every(({ seq }, index) => seq === index + 1),
  );
}

export async function cooperativeCancel({ ada, tasks }: Stage, { nap }: SlowTasks): Promise<void> {
  scene("5. Cancelling a tool that listens to its signal");
  await tasks.cancel(ada.scope, nap.id, { by: "user", reason: "Enough sleep." });
  await tasks.wait(ada.scope, [nap.id]);
  const ending = await lastEvent(tasks, nap);
  claim(
    "The nap is cancelled, and its tool has stopped.",
    ending.type === "task.cancelled" && !ending.mayStillRun,
  );
}

export async function stubbornCancel({ ada, tasks }: Stage, { stubborn }: SlowTasks): Promise<void> {
  scene("6. Cancelling a tool that ignores its signal");
  const asked = await tasks.cancel(ada.scope, stubborn.id, { by: "user", reason: "Stop that." });
  claim("It was told to stop, and runs on.", asked?.status === "running" && asked.cancel?.by === "user");
  const [ended] = await tasks.wait(ada.scope, [stubborn.id], { timeoutMs: 3 * CANCEL_GRACE_MS });
  const ending = await lastEvent(tasks, stubborn);
  claim(
    `After a grace of ${CANCEL_GRACE_MS} ms it is cancelled all the same, and the event says that it may still run.`,
    ended?.status === "cancelled" && ending.type === "task.cancelled" && ending.mayStillRun,
  );
  claim("The event is right: its process is still there.", livingCommands().includes(STUBBORN));
}

export async function aftermath(stage: Stage, slow: SlowTasks): Promise<void> {
  scene("8. What is kept");
  const { ada, tasks } = stage;
  await cleanUp(stage, slow);
  const tests = await tasks.result(ada.scope, slow.tests.id);
  const archive = await tasks.result(ada.scope, slow.archive.id);
  claim(
    "The result of the tests can be read in full.",
    tests?.status === "completed" && String(tests.value).split("\n").length === 5,
  );
  claim("The archive too.", archive?.status === "completed" && isPage(archive.value));
  await ada.hear("Is there anything else?");
  const { tasks: all } = await tasks.list(ada.scope);
  const statuses = all.map(({ status }) => status).sort();
  claim(
    `Nothing is lost: ${statuses.join(", ")}.`,
    statuses.join() === "cancelled,cancelled,completed,completed,failed",
  );
  claim("Nothing is told twice: it is still the one turn.", ada.ownTurns === 1);
  await ada.answer("No. You know everything that I know.");
}

/** The host ends the process that the manager could only give up. */
async function cleanUp({ ada, tasks }: Stage, { stubborn }: SlowTasks): Promise<void> {
  const before = await tasks.get(ada.scope, stubborn.id);
  say("host", "kills the process that would not stop");
  await killCommands();
  claim("No process is left.", livingCommands().length === 0);
  const after = await tasks.get(ada.scope, stubborn.id);
  claim("Its late end changes nothing.", before !== undefined && after?.lastSeq === before.lastSeq);
}

async function lastEvent(tasks: Stage["tasks"], { id, sessionId }: TaskInfo) {
  const { events } = await tasks.events({ userId: "ada", ...(sessionId && { sessionId }) }, id);
  const last = events.at(-1);
  if (last === undefined) throw new Error(`Task ${id} has no events.`);
  return last;
}

function isValue<T>(outcome: OffloadOutcome<T>): outcome is { status: "completed"; value: T } {
  return outcome.status === "completed";
}

function offloaded(outcome: OffloadOutcome<unknown>): { task: TaskInfo; message: string } {
  assert(outcome.status === "offloaded", "A call that should be slow was fast.");
  return outcome;
}

function isPage(value: unknown): boolean {
  return JSON.stringify(value) === JSON.stringify({ status: 200, body: "This is /archive, as of today." });
}
