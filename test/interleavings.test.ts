import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { TaskRecord } from "../src/core/model/task.ts";
import type { OffloadOutcome, TaskEvent, TaskStore } from "../src/index.ts";
import { BackgroundTaskManager, isFinished, memoryStore, ToolOffloadMiddleware } from "../src/index.ts";
import { TestClock } from "./support/test-clock.ts";
import { allowWarnings } from "./support/warnings.ts";

const SCOPE = { userId: "u1", sessionId: "s1" };
const TIMEOUT_MS = 100;
const DEADLINE_MS = 150;
const STORE_TIMEOUT_MS = 60;
const GIVEN_UP = "The store answered too late.";
const RUNS = Number(process.env.INTERLEAVINGS ?? 1_500);
const TERMINAL = ["task.completed", "task.failed", "task.cancelled"];

/** What may happen to a call, in any order. */
const ACTIONS = [
  "resolve",
  "reject",
  "abort",
  "cancel",
  "timeout",
  "deadline",
  "grace",
  "sweep",
  "close",
] as const;
type Action = (typeof ACTIONS)[number];

/** How the tool of a call behaves. */
interface Plan {
  mode: "auto" | "always";
  obeysSignal: boolean;
  reports: number;
  hasDeadline: boolean;
  neverSettles: boolean;
  onTurnAbort: "cancel" | "offload";
}

const plans = fc.record<Plan>({
  mode: fc.constantFrom("auto", "always"),
  obeysSignal: fc.boolean(),
  reports: fc.nat({ max: 3 }),
  hasDeadline: fc.boolean(),
  neverSettles: fc.boolean(),
  onTurnAbort: fc.constantFrom("cancel", "offload"),
});
const stepsOf = (actions: readonly Action[]) =>
  fc.array(fc.record({ action: fc.constantFrom(...actions), call: fc.nat({ max: 2 }) }), {
    minLength: 1,
    maxLength: 12,
  });

/** `refused` and `swallowed` never reach the store; `reset` and `mute` do, and it is the answer that is lost. */
type Fault = "none" | "refused" | "swallowed" | "reset" | "mute";

const faultLists = fc.array(fc.constantFrom<Fault>("none", "none", "refused", "swallowed", "reset", "mute"), {
  minLength: 1,
  maxLength: 6,
});
const SOUND: Fault[] = [];

const unhandled: unknown[] = [];
const note = (error: unknown) => unhandled.push(error);
beforeEach(() => process.on("unhandledRejection", note));
afterEach(() => {
  process.off("unhandledRejection", note);
  expect(unhandled.splice(0)).toEqual([]);
});

/** One call of a scripted tool, and all one needs to judge what became of it. */
class Subject {
  readonly value: string;
  readonly turn = new AbortController();
  outcome: OffloadOutcome<string> | undefined;
  error: unknown;
  isSettled = false;
  wasStarted = false;
  #resolve: () => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;

  readonly toolName: string;
  readonly output: string;

  constructor(
    index: number,
    readonly plan: Plan,
    tasks: BackgroundTaskManager,
  ) {
    this.value = `value ${index}`;
    this.toolName = `tool_${index}`;
    this.output = `output ${index}`;
    const offload = new ToolOffloadMiddleware({
      tasks,
      timeoutMs: TIMEOUT_MS,
      onTurnAbort: plan.onTurnAbort,
      tools: { [this.toolName]: { mode: plan.mode, ...(plan.hasDeadline && { deadlineMs: DEADLINE_MS }) } },
    });
    const call = { toolName: this.toolName, input: index, scope: SCOPE, signal: this.turn.signal };
    const running = offload.run(call, (_, context) => {
      this.wasStarted = true;
      for (let i = 0; i < plan.reports; i += 1) context.report({ value: i });
      context.write(this.output);
      return new Promise<string>((resolve, reject) => {
        this.#resolve = () => {
          context.write(" and the end");
          resolve(this.value);
        };
        this.#reject = reject;
        if (plan.obeysSignal) context.signal.addEventListener("abort", () => reject(context.signal.reason));
      });
    });
    running.then(
      (outcome) => this.#settled(outcome, undefined),
      (error) => this.#settled(undefined, error),
    );
  }

  get wasAborted(): boolean {
    return this.turn.signal.aborted && this.error === this.turn.signal.reason;
  }

  resolve(): void {
    if (!this.plan.neverSettles) this.#resolve();
  }

  reject(): void {
    if (!this.plan.neverSettles) this.#reject(new Error("the tool failed"));
  }

  #settled(outcome: OffloadOutcome<string> | undefined, error: unknown): void {
    expect(this.isSettled).toBe(false);
    this.isSettled = true;
    this.outcome = outcome;
    this.error = error;
  }
}

/** A store whose every call starts and answers when the scheduler says so, if it does. */
function scheduledStore(inner: TaskStore, scheduler: fc.Scheduler, faults: Fault[]): TaskStore {
  const left = [...faults];
  const scheduled = (name: keyof TaskStore) => {
    return async (...given: unknown[]) => {
      const fault = left.shift() ?? "none";
      // What arrives after its time and is never answered is left to the end of its lease.
      if (fault !== "mute")
        await scheduler.schedule(Promise.resolve(), `${name} reaches the store: ${fault}`);
      if (fault === "refused") throw new Error("The connection was refused.");
      if (fault === "swallowed") return new Promise(() => undefined);
      const method = inner[name] as (...given: unknown[]) => Promise<unknown>;
      const answer = await method.apply(inner, structuredClone(given));
      await scheduler.schedule(Promise.resolve(), `${name} is answered: ${fault}`);
      if (fault === "reset") throw new Error("The connection was reset.");
      if (fault === "mute") return new Promise(() => undefined);
      return structuredClone(answer);
    };
  };
  const names = [
    "insert",
    "get",
    "list",
    "transition",
    "admit",
    "append",
    "events",
    "result",
    "sweep",
  ] as const;
  return { ...inner, ...Object.fromEntries(names.map((name) => [name, scheduled(name)])) } as TaskStore;
}

// Nobody listens for refused offloads here.
beforeEach(allowWarnings);

test("whatever happens in whatever order: one terminal state, a gapless log, no lost result, nothing left", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(plans, { minLength: 1, maxLength: 3 }),
      stepsOf(ACTIONS),
      fc.constant(SOUND),
      scenario,
    ),
    { numRuns: RUNS, interruptAfterTimeLimit: 25_000 },
  );
}, 60_000);

/** Not closed: what is not on record when the manager has no more time is given up. */
const WHILE_OPEN = ACTIONS.filter((action) => action !== "close");

test("the same where the store loses what it is asked and what it answers, or answers too late", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(plans, { minLength: 1, maxLength: 3 }),
      stepsOf(WHILE_OPEN),
      faultLists,
      scenario,
    ),
    { numRuns: RUNS, interruptAfterTimeLimit: 25_000 },
  );
}, 60_000);

async function scenario(
  scheduler: fc.Scheduler,
  given: Plan[],
  what: { action: Action; call: number }[],
  faults: Fault[],
) {
  const clock = new TestClock(
    (callback) => void scheduler.schedule(Promise.resolve(), "pass").then(callback),
  );
  const inner = memoryStore({ clock });
  const tasks = new BackgroundTaskManager({
    deliveredElsewhere: true,
    clock,
    store: scheduledStore(inner, scheduler, faults),
    limits: { running: 2 },
    retention: { finishedPerUser: 50 },
    storeTimeoutMs: faults === SOUND ? Number.POSITIVE_INFINITY : STORE_TIMEOUT_MS,
    cancelGraceMs: 50,
  });
  const subjects = given.map((plan, index) => new Subject(index, plan, tasks));
  for (const { action, call } of what) {
    const subject = subjects[call % subjects.length] as Subject;
    void scheduler.schedule(Promise.resolve(), action).then(() => perform(action, subject, tasks, clock));
  }
  await untilQuiet(scheduler, clock, () => false, 20);
  for (let round = 0; round < 20; round += 1) {
    for (const subject of subjects) subject.resolve();
    await untilQuiet(scheduler, clock, () => false, 2);
  }
  await judgeUnaided(subjects, inner, tasks);
  for (let round = 0; round < given.length + faults.length && (await tasks.stats()).accepting; round += 1) {
    tasks.cancelSession(SCOPE).catch(onlyStoreFailed);
    await untilQuiet(scheduler, clock, () => false, 5);
  }
  await judge(subjects, inner, tasks);
  if ((await tasks.stats()).accepting) await judgePlaces(tasks, scheduler, clock);
  await drained(tasks.close({ drainMs: 0 }), scheduler, clock);
  expect(clock.size).toBe(0);
}

async function perform(action: Action, subject: Subject, tasks: BackgroundTaskManager, clock: TestClock) {
  if (action === "resolve") subject.resolve();
  if (action === "reject") subject.reject();
  if (action === "abort") subject.turn.abort(new Error("the turn was aborted"));
  if (action === "timeout") clock.advance(TIMEOUT_MS);
  if (action === "deadline") clock.advance(DEADLINE_MS);
  if (action === "grace") clock.advance(50);
  if (action === "sweep") clock.advance(61_000);
  if (action === "close") void tasks.close({ drainMs: 10 });
  if (action === "cancel") await cancelNewest(tasks).catch(onlyStoreFailed);
}

async function cancelNewest(tasks: BackgroundTaskManager) {
  const [newest] = (await tasks.list(SCOPE)).tasks;
  if (newest) await tasks.cancel(SCOPE, newest.id, { by: "user" });
}

function onlyStoreFailed(error: unknown) {
  expect(error).toMatchObject({ code: "store_failed" });
}

async function untilQuiet(scheduler: fc.Scheduler, clock: TestClock, isDone: () => boolean, rounds: number) {
  for (let round = 0; round < rounds && !isDone(); round += 1) {
    await scheduler.waitIdle();
    // In steps, so that the store can answer in time what is asked within them.
    for (let ms = 0; ms < 200; ms += STORE_TIMEOUT_MS - 10) {
      clock.advance(STORE_TIMEOUT_MS - 10);
      await scheduler.waitIdle();
    }
  }
}

async function drained(closing: Promise<void>, scheduler: fc.Scheduler, clock: TestClock) {
  let isClosed = false;
  void closing.then(() => {
    isClosed = true;
  });
  await untilQuiet(scheduler, clock, () => isClosed, 50);
  expect(isClosed).toBe(true);
}

/** What must have ended although its tool never settles, and nobody asked again. */
async function judgeUnaided(subjects: Subject[], store: TaskStore, tasks: BackgroundTaskManager) {
  const { accepting } = await tasks.stats();
  const { records } = await store.list(SCOPE, { limit: 100 });
  for (const { toolName, plan, wasAborted } of subjects) {
    const status = taskOf(toolName, records)?.status;
    const isOverdue = plan.hasDeadline && status !== "queued";
    const mustEnd = !accepting || isOverdue || (wasAborted && plan.onTurnAbort === "cancel");
    if (status !== undefined && mustEnd) expect(isFinished(status)).toBe(true);
  }
}

async function judge(subjects: Subject[], store: TaskStore, tasks: BackgroundTaskManager) {
  for (const subject of subjects) expect(subject.isSettled).toBe(true);
  const { running, queued, foreground } = await tasks.stats();
  expect({ running, queued, foreground }).toEqual({ running: 0, queued: 0, foreground: 0 });
  const { records } = await store.list(SCOPE, { limit: 100 });
  for (const record of records) {
    const page = await store.events(SCOPE, record.id, { after: 0, limit: 1_000 });
    judgeLog(page?.events ?? [], record.lastSeq);
    expect(isFinished(record.status)).toBe(true);
  }
  for (const subject of subjects) {
    const record = taskOf(subject.toolName, records);
    await judgeResult(subject, store);
    if (record === undefined || !subject.wasStarted) continue;
    const page = await store.events(SCOPE, record.id, { after: 0, limit: 1_000 });
    judgeOutput(page?.events ?? [], subject, record);
    if (subject.outcome?.status !== "completed") continue;
    expect(record.followUp).toMatchObject({ status: "dropped", reason: "returned" });
  }
}

/** The task of a tool that was called. What else there is was given up before, since the store had failed. */
function taskOf(toolName: string, records: TaskRecord[]): TaskRecord | undefined {
  const all = records.filter((record) => record.toolName === toolName);
  const begun = all.filter(({ status, startedAt }) => status !== "cancelled" || startedAt !== null);
  expect(begun.length).toBeLessThan(2);
  for (const { cancel, followUp } of all) {
    if (cancel?.reason === GIVEN_UP) expect(followUp).toMatchObject({ reason: "returned" });
  }
  return begun[0];
}

/** Nothing is missing; what was appended without an answer may stand there twice. */
function judgeOutput(events: TaskEvent[], { output }: Subject, { status }: TaskRecord) {
  const text = events.flatMap((event) => (event.type === "task.output" ? [event.chunk] : [])).join("");
  expect(text.startsWith(output)).toBe(true);
  if (status === "completed") expect(text.slice(output.length)).toContain(" and the end");
}

/** Every place is free again, and no more than there are. */
async function judgePlaces(tasks: BackgroundTaskManager, scheduler: fc.Scheduler, clock: TestClock) {
  for (let i = 0; i < 3; i += 1) {
    const call = { toolName: `probe_${i}`, input: i, scope: SCOPE };
    tasks.start(call, () => new Promise(() => undefined)).catch(() => undefined);
  }
  await untilQuiet(scheduler, clock, () => false, 3);
  expect(await tasks.stats()).toMatchObject({ running: 2, queued: 1 });
}

function judgeLog(events: TaskEvent[], lastSeq: number) {
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
  expect(events.at(-1)?.seq).toBe(lastSeq);
  expect(events.filter(({ type }) => TERMINAL.includes(type))).toHaveLength(1);
  const end = events.findIndex(({ type }) => TERMINAL.includes(type));
  expect(events.slice(end + 1).every(({ type }) => type.startsWith("follow_up."))).toBe(true);
}

/** Who was given a placeholder finds the value, or why there is none; who was given the value gets no more. */
async function judgeResult({ outcome, value }: Subject, store: TaskStore) {
  if (outcome === undefined) return;
  if (outcome.status === "completed") return expect(outcome.value).toBe(value);
  const record = await store.get(SCOPE, outcome.task.id);
  expect(record?.followUp.status).toBe("pending");
  if (record?.status !== "completed") return expect(["failed", "cancelled"]).toContain(record?.status);
  expect(await store.result(SCOPE, outcome.task.id)).toMatchObject({ json: JSON.stringify(value) });
}
