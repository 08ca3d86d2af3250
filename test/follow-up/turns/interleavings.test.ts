import fc from "fast-check";
import { expect, test } from "vitest";
import { FollowUpDispatcher, type Turn } from "../../../src/follow-up/index.ts";
import {
  BackgroundTaskManager,
  isFinished,
  memoryStore,
  TaskOffloadError,
  type TaskStore,
} from "../../../src/index.ts";
import { TestClock } from "../../support/test-clock.ts";
import { allowWarnings } from "../../support/warnings.ts";
import { BusyTime } from "./busy-time.ts";

/** In CI they end in any case; whoever asks for more gets them all. */
const PARAMETERS = process.env.INTERLEAVINGS
  ? { numRuns: Number(process.env.INTERLEAVINGS) }
  : { numRuns: 300, interruptAfterTimeLimit: 8_000 };

const LEASE_MS = 120;
const MAX_WAIT_MS = 2_000;
const MAX_TURNS = 2;
const SESSIONS = ["s1", "s2"] as const;

test("rule 20: whatever happens in whatever order, a session has one turn at a time, and each result is told", async () => {
  allowWarnings();
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.noBias(plans), async (scheduler, plan) => {
      const world = new World(scheduler, plan);
      for (const step of plan.steps) await world.take(step);
      await world.settle();
      expect(world.wrongs).toEqual([]);
    }),
    PARAMETERS,
  );
}, 3_600_000);

type Ending = "ok" | "throws" | "deaf";

interface TurnPlan {
  ending: Ending;
  lastsMs: number;
}

type Step =
  | { type: "complete"; process: number; session: number }
  | { type: "speak"; process: number; session: number; whenBusy: "wait" | "preempt" | "refuse" }
  | { type: "abort"; process: number; session: number }
  | { type: "crash"; process: number }
  | { type: "lose"; process: number; operation: "hold" | "settle" | "prolong" | "claim"; isWritten: boolean }
  | { type: "pass"; ms: number; isLeap: boolean };

interface Plan {
  processes: number;
  turns: TurnPlan[];
  steps: Step[];
}

const process_ = fc.nat({ max: 2 });
const session = fc.nat({ max: 1 });
const plans: fc.Arbitrary<Plan> = fc.record({
  processes: fc.integer({ min: 1, max: 3 }),
  turns: fc.array(
    fc.record<TurnPlan>({
      ending: fc.constantFrom("ok", "ok", "ok", "throws", "deaf"),
      lastsMs: fc.constantFrom(0, 10, 50, 200),
    }),
    { maxLength: 12, size: "max" },
  ),
  steps: fc.array(
    fc.oneof(
      { weight: 6, arbitrary: fc.record({ type: fc.constant("complete"), process: process_, session }) },
      {
        weight: 6,
        arbitrary: fc.record({
          type: fc.constant("speak"),
          process: process_,
          session,
          whenBusy: fc.constantFrom("wait", "wait", "preempt", "refuse"),
        }),
      },
      { weight: 1, arbitrary: fc.record({ type: fc.constant("abort"), process: process_, session }) },
      { weight: 1, arbitrary: fc.record({ type: fc.constant("crash"), process: process_ }) },
      {
        weight: 2,
        arbitrary: fc.record({
          type: fc.constant("lose"),
          process: process_,
          operation: fc.constantFrom("hold", "settle", "prolong", "claim"),
          isWritten: fc.boolean(),
        }),
      },
      {
        weight: 6,
        arbitrary: fc.record({
          type: fc.constant("pass"),
          ms: fc.constantFrom(5, 20, 60, 200),
          isLeap: fc.constantFrom(false, false, false, true),
        }),
      },
    ) as fc.Arbitrary<Step>,
    { minLength: 1, maxLength: 24, size: "max" },
  ),
});

interface Running {
  readonly by: Process;
  readonly turn: Turn;
  readonly session: string;
}

interface Process {
  readonly tasks: BackgroundTaskManager;
  readonly dispatcher: FollowUpDispatcher;
  isAlive: boolean;
  /** The turns of the user that were begun in it. */
  readonly speaking: Promise<void>[];
  /** The next calls of these operations fail; before they are written, or only their answer. */
  readonly losing: { operation: string; isWritten: boolean }[];
  losses: number;
}

/** Some processes around one store, on one clock, with one scheduler who says what comes next. */
class World {
  readonly wrongs: string[] = [];
  readonly #clock: TestClock;
  readonly #scheduler: fc.Scheduler;
  readonly #store: TaskStore;
  readonly #processes: Process[];
  readonly #turns: TurnPlan[];
  readonly #running = new Set<Running>();
  readonly #started = new Map<string, Process>();
  /** Each result and the processes whose turns have told it and ended well. */
  readonly #told = new Map<string, Process[]>();
  /** Conversations that are fenced: the number of the turn that has written last. */
  readonly #written = new Map<string, number>();
  readonly #automatic = new Map<string, number>();
  readonly #speaking = new Set<Promise<void>>();
  readonly #busy: BusyTime;
  #hasLeapt = false;

  constructor(scheduler: fc.Scheduler, plan: Plan) {
    this.#scheduler = scheduler;
    this.#clock = new TestClock((callback) => void this.#travel("pass").then(callback));
    this.#busy = new BusyTime(this.#clock.monotonic);
    this.#store = memoryStore({ clock: this.#clock });
    this.#turns = [...plan.turns];
    this.#processes = Array.from({ length: plan.processes }, () => this.#process());
  }

  async take(step: Step): Promise<void> {
    const by = "process" in step ? this.#processes[step.process % this.#processes.length] : undefined;
    const scope = { userId: "ada", sessionId: SESSIONS["session" in step ? step.session : 0] ?? "s1" };
    if (step.type === "pass") return this.#pass(step.ms, step.isLeap);
    if (by === undefined || !by.isAlive) return;
    if (step.type === "complete") await this.#complete(by, scope);
    else if (step.type === "speak") this.#speak(by, scope, step.whenBusy);
    else if (step.type === "abort") void by.dispatcher.abortTurn(scope).catch(onlyExpected);
    else if (step.type === "lose") by.losing.push(step);
    else this.#crash(by);
    await this.#rest(8);
  }

  #crash(by: Process): void {
    by.isAlive = false;
    for (const ended of by.speaking) this.#speaking.delete(ended);
  }

  /** No more faults, somebody who delivers, a user who speaks now and then, and time. */
  async settle(): Promise<void> {
    for (const one of this.#processes) one.losing.length = 0;
    this.#turns.length = 0;
    if (!this.#processes.some(({ isAlive }) => isAlive)) this.#processes.push(this.#process());
    const by = this.#processes.find(({ isAlive }) => isAlive) as Process;
    for (let round = 0; round < 100 && !(await this.#isQuiet()); round += 1) {
      for (const sessionId of SESSIONS) this.#speak(by, { userId: "ada", sessionId }, "wait");
      await this.#pass(100, false);
    }
    if (!(await this.#isQuiet())) this.wrongs.push("some results are not told, or somebody still waits");
    // Where a process has died, or an answer was lost, nobody can know: then it is told at least once.
    const isSound = ({ isAlive, losses }: Process) => isAlive && losses === 0 && !this.#hasLeapt;
    for (const [id, by] of this.#told) {
      const { length } = by.filter(isSound);
      if (length > 1) this.wrongs.push(`${id} was told ${length} times`);
    }
  }

  #process(): Process {
    const losing: Process["losing"] = [];
    const store = this.#storeOf(() => process, losing);
    const tasks = new BackgroundTaskManager({
      store,
      clock: this.#clock,
      storeTimeoutMs: 50,
      leaseMs: 100_000,
    });
    for (const name of ["delivery.failed", "turn.failed", "session.held"] as const)
      tasks.on(name, () => undefined);
    const dispatcher = new FollowUpDispatcher({
      tasks,
      deliver: (turn) => this.#run(process, turn),
      leaseMs: LEASE_MS,
      deliverTimeoutMs: 400,
      holdMs: 400,
      coalesceMs: 10,
      retryMs: 20,
      maxRetryMs: 40,
      pollMs: 50,
      maxConsecutiveTurns: MAX_TURNS,
      maxAttempts: 1_000,
    });
    const process: Process = { tasks, dispatcher, isAlive: true, speaking: [], losing, losses: 0 };
    dispatcher.start();
    return process;
  }

  async #complete(by: Process, scope: { userId: string; sessionId: string }): Promise<void> {
    const task = by.tasks.start({ toolName: "search", input: {}, scope }, () => "found");
    void task.then(({ id }) => this.#started.set(id, by), onlyExpected);
  }

  #speak(
    by: Process,
    scope: { userId: string; sessionId: string },
    whenBusy: "wait" | "preempt" | "refuse",
  ): void {
    const freeUntil = this.#freeTime(scope.sessionId) + LEASE_MS;
    const run = (turn: Turn) => {
      const overdue = this.#freeTime(scope.sessionId) - freeUntil;
      if (this.#isSound && overdue > 0) this.wrongs.push(`a user waited ${overdue} ms too long`);
      return this.#run(by, turn);
    };
    const turn = by.dispatcher.turn(scope, run, { whenBusy, maxWaitMs: MAX_WAIT_MS });
    const ended: Promise<void> = turn.catch(onlyExpected).finally(() => this.#speaking.delete(ended));
    this.#speaking.add(ended);
    by.speaking.push(ended);
  }

  async #run(by: Process, turn: Turn): Promise<void> {
    if (!by.isAlive) return NEVER;
    const sessionId = turn.scope.sessionId ?? "";
    const running = { by, turn, session: sessionId };
    this.#begins(running);
    const { ending, lastsMs } = this.#turns.shift() ?? { ending: "ok", lastsMs: 0 };
    const { followUps, signal } = turn;
    await this.#spend(lastsMs, ending === "deaf" ? undefined : signal);
    if (!by.isAlive) return NEVER;
    this.#running.delete(running);
    this.#busy.end(sessionId);
    if (ending === "deaf" || signal.aborted) signal.throwIfAborted();
    if (ending === "throws") throw new Error("The model is down.");
    const last = this.#written.get(sessionId) ?? 0;
    // A fence refuses who is late.
    if (turn.number < last) throw new Error("Fenced.");
    this.#written.set(sessionId, turn.number);
    if (turn.by === "library") this.#countAutomatic(sessionId);
    for (const { id } of followUps) this.#told.set(id, [...(this.#told.get(id) ?? []), by]);
  }

  #begins(running: Running): void {
    const { session, turn, by } = running;
    for (const other of this.#running) {
      // A store that fails silences no user: then their turn is alone in its process only.
      const isCutOff = other.by !== by && (this.#hasLeapt || by.losses > 0 || other.by.losses > 0);
      const isOver = !other.by.isAlive || isCutOff;
      if (other.session === session && !isOver) this.wrongs.push(`two turns of ${session} at a time`);
    }
    if (turn.by === "user") this.#automatic.delete(session);
    this.#running.add(running);
    this.#busy.begin(session);
  }

  /** Milliseconds for which nobody has had a session. */
  #freeTime(session: string): number {
    return this.#clock.monotonic() - this.#busy.of(session);
  }

  /** No process has died or was suspended, and no store has failed. */
  get #isSound(): boolean {
    return !this.#hasLeapt && this.#processes.every(({ isAlive, losses }) => isAlive && losses === 0);
  }

  /** Those that have told something, until the user's next. */
  #countAutomatic(session: string): void {
    const automatic = (this.#automatic.get(session) ?? 0) + 1;
    this.#automatic.set(session, automatic);
    if (automatic > MAX_TURNS && this.#isSound)
      this.wrongs.push(`${automatic} automatic turns of ${session}`);
  }

  async #spend(ms: number, signal: AbortSignal | undefined): Promise<void> {
    const aborted = new Promise<void>((resolve) => signal?.addEventListener("abort", () => resolve()));
    const lasted = new Promise<void>((resolve) => void this.#clock.setTimeout(resolve, ms));
    await Promise.race([lasted, aborted]);
    await this.#travel("a turn goes on");
  }

  /** A leap: a process was suspended, or the store is slow. */
  async #pass(ms: number, isLeap: boolean): Promise<void> {
    if (isLeap) {
      this.#hasLeapt = true;
      this.#clock.advance(ms);
      return this.#rest(8);
    }
    for (let left = ms; left > 0; left -= 5) {
      await this.#rest(2_000);
      this.#clock.advance(Math.min(left, 5));
    }
    await this.#rest(2_000);
  }

  async #rest(most: number): Promise<void> {
    for (let left = most; left > 0; left -= 1) {
      await macrotask();
      if (this.#scheduler.count() === 0) return;
      await this.#scheduler.waitNext(1);
    }
  }

  async #isQuiet(): Promise<boolean> {
    const isOver = async ([id, by]: [string, Process]) => {
      const record = await this.#store.get({ userId: "ada" }, id);
      // What a process that has died was running is lost later than this test lasts.
      if (record === undefined || !isFinished(record.status)) return !by.isAlive;
      return record.followUp.status === "delivered";
    };
    const areOver = await Promise.all([...this.#started].map(isOver));
    return areOver.every((over) => over) && this.#speaking.size === 0;
  }

  async #travel(label: string): Promise<void> {
    await this.#scheduler.schedule(Promise.resolve(), label);
  }

  /** The store as one process reaches it: when the scheduler says so, if it does. */
  #storeOf(process: () => Process, losing: Process["losing"]): TaskStore {
    const far = Object.entries(this.#store).map(([name, call]) => {
      if (typeof call !== "function" || name === "watch" || name === "onDamage" || name === "close")
        return [name, call];
      const travelling = async (...given: unknown[]): Promise<unknown> => {
        const at = losing.findIndex(({ operation }) => operation === name);
        const [lost] = at < 0 ? [] : losing.splice(at, 1);
        if (lost !== undefined) process().losses += 1;
        await this.#travel(`${name} reaches the store`);
        if (!process().isAlive) return NEVER;
        if (lost?.isWritten === false) throw new Error("The connection was refused.");
        const answer = await Reflect.apply(call, this.#store, structuredClone(given));
        await this.#travel(`${name} is answered`);
        if (!process().isAlive) return NEVER;
        if (lost !== undefined) throw new Error("The connection was reset.");
        return structuredClone(answer);
      };
      return [name, travelling];
    });
    return { ...Object.fromEntries(far), isShared: true } as TaskStore;
  }
}

/** What a process comes to that has died. */
const NEVER = new Promise<never>(() => undefined);

/** What a host may be told: that it is busy, that the store has failed, or what its own turn has thrown. */
function onlyExpected(error: unknown): void {
  const isOurs = TaskOffloadError.isInstance(error);
  if (isOurs && !["busy", "store_failed", "deadline_exceeded", "overloaded"].includes(error.code))
    throw error;
}

function macrotask(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
