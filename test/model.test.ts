import fc from "fast-check";
import { expect, test } from "vitest";
import type { TaskInfo, TaskScope, TaskStatus } from "../src/index.ts";
import { BackgroundTaskManager, memoryStore, TaskOffloadError } from "../src/index.ts";
import { restlessStore } from "./support/restless-store.ts";
import { TestClock } from "./support/test-clock.ts";

const LIMITS = {
  running: 4,
  runningPerUser: 2,
  runningPerSession: Number.POSITIVE_INFINITY,
  queuedPerUser: 3,
};
const SCOPES: TaskScope[] = ["ann", "bob", "cat"].flatMap((userId) => [
  { userId },
  { userId, sessionId: "s1" },
  { userId, sessionId: "s2" },
]);

/** A task as the model knows it. */
interface Known {
  id: string;
  scope: TaskScope;
  status: TaskStatus;
  priority: number;
  order: number;
  settle: (isFailure: boolean) => void;
}

/** What the manager is supposed to do, in a form that is easy to believe. */
class Model {
  readonly tasks: Known[] = [];

  mayQueue({ userId }: TaskScope): boolean {
    return this.#count("queued", userId) < LIMITS.queuedPerUser;
  }

  promote(): void {
    for (let next = this.#next(); next; next = this.#next()) next.status = "running";
  }

  seenFrom(scope: TaskScope): Known[] {
    const isSeen = (task: Known) =>
      task.scope.userId === scope.userId &&
      (scope.sessionId === undefined || task.scope.sessionId === scope.sessionId);
    return this.tasks.filter(isSeen);
  }

  #next(): Known | undefined {
    if (this.#count("running") >= LIMITS.running) return undefined;
    return this.tasks
      .filter(({ status }) => status === "queued")
      .filter(({ scope }) => this.#count("running", scope.userId) < LIMITS.runningPerUser)
      .sort((one, other) => other.priority - one.priority || one.order - other.order)[0];
  }

  #count(status: TaskStatus, userId?: string): number {
    const isCounted = (task: Known) =>
      task.status === status && (userId === undefined || task.scope.userId === userId);
    return this.tasks.filter(isCounted).length;
  }
}

const operations = fc.array(
  fc.oneof(
    fc.record({
      type: fc.constant("start" as const),
      scope: fc.constantFrom(...SCOPES),
      priority: fc.integer({ min: 1, max: 3 }),
    }),
    fc.record({ type: fc.constant("settle" as const), task: fc.nat(), isFailure: fc.boolean() }),
    fc.record({ type: fc.constant("cancel" as const), task: fc.nat(), scope: fc.constantFrom(...SCOPES) }),
  ),
  { minLength: 1, maxLength: 40 },
);
type Operation = typeof operations extends fc.Arbitrary<(infer T)[]> ? T : never;

test.each([
  ["on the memory store", (clock: TestClock) => memoryStore({ clock })],
  [
    "on a store that answers late and in odd orders",
    (clock: TestClock) => restlessStore(memoryStore({ clock })),
  ],
])(
  "the manager does what a plain model does, and nobody sees what is not theirs, %s",
  async (_, create) => {
    const property = async (what: Operation[]) => {
      const clock = new TestClock();
      const tasks = new BackgroundTaskManager({
        clock,
        store: create(clock),
        limits: LIMITS,
        storeTimeoutMs: Number.POSITIVE_INFINITY,
      });
      const model = new Model();
      for (const operation of what) {
        await perform(operation, model, tasks);
        model.promote();
        await expectAgreement(model, tasks);
      }
      const closing = tasks.close({ drainMs: 0 });
      await closing;
    };
    await fc.assert(fc.asyncProperty(operations, property), { numRuns: 60, interruptAfterTimeLimit: 5_000 });
  },
  60_000,
);

async function perform(operation: Operation, model: Model, tasks: BackgroundTaskManager): Promise<void> {
  if (operation.type === "start") return start(operation, model, tasks);
  const task = model.tasks[operation.task % Math.max(1, model.tasks.length)];
  if (task === undefined) return;
  if (operation.type === "cancel") return cancel(task, operation.scope, model, tasks);
  if (task.status !== "running") return;
  task.status = operation.isFailure ? "failed" : "completed";
  task.settle(operation.isFailure);
}

async function start(
  { scope, priority }: { scope: TaskScope; priority: number },
  model: Model,
  tasks: BackgroundTaskManager,
): Promise<void> {
  const order = model.tasks.length;
  let settle: Known["settle"] = () => undefined;
  const call = { toolName: `tool_${order}`, input: { order }, scope };
  const starting = tasks.start(
    call,
    (_, { signal }) =>
      new Promise((resolve, reject) => {
        settle = (isFailure) => (isFailure ? reject(new Error("failed")) : resolve(`value of ${order}`));
        signal.addEventListener("abort", () => reject(signal.reason));
      }),
    { priority },
  );
  if (!model.mayQueue(scope)) {
    const error = await starting.catch((reason: unknown) => reason);
    expect(TaskOffloadError.isInstance(error) && error.code).toBe("overloaded");
    return;
  }
  const { id } = await starting;
  model.tasks.push({
    id,
    scope,
    status: "queued",
    priority,
    order,
    settle: (isFailure) => settle(isFailure),
  });
}

async function cancel(
  task: Known,
  scope: TaskScope,
  model: Model,
  tasks: BackgroundTaskManager,
): Promise<void> {
  const answer = await tasks.cancel(scope, task.id, { by: "user" });
  if (!model.seenFrom(scope).includes(task)) return expect(answer).toBeUndefined();
  expect(answer?.id).toBe(task.id);
  if (task.status === "queued" || task.status === "running") task.status = "cancelled";
}

/** Compares what each scope sees, once the manager has come to rest. */
async function expectAgreement(model: Model, tasks: BackgroundTaskManager): Promise<void> {
  await expect.poll(() => statuses(tasks), { interval: 1, timeout: 5_000 }).toEqual(wanted(model));
  for (const scope of SCOPES) {
    const { tasks: listed } = await tasks.list(scope, { limit: 500 });
    const mine = model.seenFrom(scope);
    expect(listed.map(({ id }) => id).sort()).toEqual(mine.map(({ id }) => id).sort());
    for (const foreign of model.tasks.filter((task) => !mine.includes(task))) {
      expect(await tasks.get(scope, foreign.id)).toBeUndefined();
      expect(await tasks.result(scope, foreign.id)).toBeUndefined();
      expect((await tasks.events(scope, foreign.id)).events).toEqual([]);
    }
  }
}

async function statuses(tasks: BackgroundTaskManager): Promise<Record<string, TaskStatus>> {
  const pages = await Promise.all(SCOPES.map((scope) => tasks.list(scope, { limit: 500 })));
  const all: TaskInfo[] = pages.flatMap((page) => page.tasks);
  return Object.fromEntries(all.map(({ id, status }) => [id, status]));
}

function wanted(model: Model): Record<string, TaskStatus> {
  return Object.fromEntries(model.tasks.map(({ id, status }) => [id, status]));
}
