/**
 * One plain program that every runtime runs against `dist`: see scripts/test-runtimes.ts. What it checks is what
 * the documentation says is tested under Bun and Deno, so change docs/runtimes.md with it.
 */
import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { BackgroundTaskManager, ToolOffloadMiddleware } from "tool-offload";
import { type Delivery, FollowUpDispatcher } from "tool-offload/follow-up";
import { createTaskHandler } from "tool-offload/http";

type Handler = (request: Request) => Promise<Response>;
type Fetch = (path: string, init?: RequestInit) => Promise<Response>;

interface Servers {
  Bun?: { serve(options: object): { port: number; stop(force: boolean): Promise<void> } };
  Deno?: { serve(options: object, handler: Handler): { addr: { port: number }; shutdown(): Promise<void> } };
}

const scope = { userId: "ada", sessionId: "chat-7" };

// Until the end is reached: not every runtime takes an await that nothing will ever settle for a failure.
process.exitCode = 1;

await step("a fast call returns its value and leaves no task", async () => {
  const tasks = new BackgroundTaskManager();
  const offload = new ToolOffloadMiddleware({ tasks, timeoutMs: 5_000 });
  const outcome = await offload.run(
    { toolName: "add", input: [1, 2], scope },
    async ([a = 0, b = 0]) => a + b,
  );
  assert.deepEqual(outcome, { status: "completed", value: 3 });
  assert.deepEqual((await tasks.list(scope)).tasks, []);
  await tasks.close();
});

await step("a slow call becomes a task; wait and result return how it ended", async () => {
  const tasks = new BackgroundTaskManager({ followUps: false });
  const offload = new ToolOffloadMiddleware({ tasks, timeoutMs: 20 });
  const outcome = await offload.run(
    { toolName: "report", input: { pages: 300 }, scope },
    async ({ pages }) => {
      await sleep(200);
      return `${pages} pages`;
    },
  );
  assert(outcome.status === "offloaded");
  const [task] = await tasks.wait(scope, [outcome.task.id], { timeoutMs: 10_000 });
  assert.equal(task?.status, "completed");
  const result = await tasks.result(scope, outcome.task.id);
  assert(result?.status === "completed");
  assert.equal(result.value, "300 pages");
  await tasks.close();
});

await step("what is done later is done in the async context of who asked for it", async () => {
  const context = new AsyncLocalStorage<string>();
  const tasks = context.run("host", () => new BackgroundTaskManager({ limits: { running: 1 } }));
  const seen: unknown[] = [];
  const isDone = new Promise<void>((resolve) => {
    const listener = ({ task }: { task: { toolName: string } }) => {
      if (task.toolName !== "second") return;
      seen.push(context.getStore());
      resolve();
    };
    context.run("listener", () => tasks.on("task.completed", listener));
  });
  const first = { toolName: "first", input: {}, scope };
  await context.run("ada", () => tasks.start(first, () => sleep(50)));
  const second = { toolName: "second", input: {}, scope };
  const { status } = await context.run("bob", () => tasks.start(second, () => seen.push(context.getStore())));
  assert.equal(status, "queued");
  await isDone;
  assert.deepEqual(seen, ["bob", "listener"]);
  await tasks.close();
});

await step("a dispatcher delivers the result of a slow call", async () => {
  const tasks = new BackgroundTaskManager();
  const offload = new ToolOffloadMiddleware({ tasks, timeoutMs: 20 });
  const deliveries: Delivery[] = [];
  const dispatcher = new FollowUpDispatcher({
    tasks,
    deliver: async (delivery) => void deliveries.push(delivery),
  }).start();
  const isDelivered = new Promise((resolve) => tasks.once("follow_up.delivered", resolve));
  const outcome = await offload.run({ toolName: "count", input: {}, scope }, () => sleep(200, 9_096));
  assert(outcome.status === "offloaded");
  await isDelivered;
  assert.equal(deliveries.length, 1);
  assert.deepEqual(deliveries[0]?.scope, scope);
  assert.match(deliveries[0]?.message.text ?? "", /9096/);
  assert.equal((await tasks.get(scope, outcome.task.id))?.followUp.status, "delivered");
  await dispatcher.stop();
  await tasks.close();
});

await step("the HTTP handler lists, returns and cancels a task", () =>
  withHandler((handler, id) => {
    const fetchIt: Fetch = (path, init) => handler(new Request(`http://localhost${path}`, init));
    return visit(fetchIt, id);
  }),
);

const { Bun, Deno } = globalThis as Servers;
if (Bun !== undefined || Deno !== undefined) {
  await step("so it does behind the server of the runtime", () => withHandler(visitServed));
}

process.exitCode = 0;

async function visitServed(handler: Handler, id: string): Promise<void> {
  const options = { port: 0, hostname: "127.0.0.1" };
  const bun = Bun?.serve({ ...options, fetch: handler });
  const deno = Deno?.serve({ ...options, onListen: () => undefined }, handler);
  const url = `http://127.0.0.1:${bun?.port ?? deno?.addr.port}`;
  await visit((path, init) => fetch(url + path, init), id);
  await bun?.stop(true);
  await deno?.shutdown();
}

/** A handler over one task that runs until it is cancelled. */
async function withHandler(use: (handler: Handler, id: string) => Promise<void>): Promise<void> {
  const tasks = new BackgroundTaskManager({ followUps: false });
  const handler = createTaskHandler({
    tasks,
    allowCancel: true,
    authenticate: (request) => (request.headers.get("authorization") === "Bearer ada" ? scope : null),
  });
  const { id } = await tasks.start({ toolName: "crawl", input: {}, scope }, (_input, { signal }) =>
    sleep(60_000, "pages", { signal }),
  );
  await use(handler, id);
  await tasks.close();
}

async function visit(fetchIt: Fetch, id: string): Promise<void> {
  const ask = async (path: string, method = "GET", token = "ada") => {
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetchIt(`/background-tasks${path}`, { method, headers });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  assert.equal((await ask("", "GET", "eve")).status, 401);
  const list = await ask("");
  assert.equal(list.status, 200);
  assert.deepEqual(
    (list.body.tasks as { id: string }[]).map((task) => task.id),
    [id],
  );
  const one = await ask(`/${id}`);
  assert.equal(one.status, 200);
  assert.equal(one.body.id, id);
  assert.equal((await ask(`/${id}/cancel`, "POST")).status, 200);
  const { body } = await ask(`/${id}/result?waitMs=10000`);
  assert.deepEqual(body, { status: "cancelled", by: "user", reason: null });
}

async function step(title: string, run: () => Promise<void>): Promise<void> {
  await run();
  console.log(`pass  ${title}`);
}
