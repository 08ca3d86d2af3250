/** What a page does with the API: it follows all tasks live, starts one, follows it, and cancels another. */
import assert from "node:assert/strict";
import { createTaskClient, type TaskClient, TaskClientError } from "tool-offload/client";

export type HeadersOf = (user: "ada" | "bob" | "eve") => Record<string, string>;

export async function visit(baseUrl: string, headersOf: HeadersOf): Promise<void> {
  const [ada, bob, eve] = (["ada", "bob", "eve"] as const).map((user) =>
    createTaskClient({ baseUrl, headers: headersOf(user) }),
  ) as [TaskClient, TaskClient, TaskClient];

  const board = showTasks(ada);
  await createAndFollow(ada);
  await createAndCancel(ada);
  console.log(`  the live list showed: ${(await board).join(", ")}`);

  assert.deepEqual((await bob.list()).tasks, [], "Nobody sees the tasks of others.");
  await assert.rejects(eve.list(), { code: "signed_out" });
  await leaveStreams(ada);
}

/** The states that a live list shows, until a task of it has been cancelled. */
async function showTasks(client: TaskClient): Promise<string[]> {
  const states: string[] = [];
  const onState = (state: string) => assert.equal(state, "live");
  for await (const update of client.watchAll({ onState })) {
    if (update.type === "snapshot") states.push(`${update.tasks.length} tasks`);
    else if (states.at(-1) !== update.task.status) states.push(update.task.status);
    if (states.at(-1) === "cancelled") break;
  }
  return states;
}

async function createAndFollow(client: TaskClient): Promise<void> {
  const [tool] = await client.tools();
  assert.equal(tool?.name, "report");
  await assert.rejects(client.create({ tool: "report", input: { pages: 0 } }), (error) => {
    return error instanceof TaskClientError && error.code === "refused" && error.field === "input.pages";
  });

  const task = await client.create({ tool: "report", input: { pages: 3 }, description: "Report of May" });
  const told: string[] = [];
  for await (const { event } of client.watch(task.id)) told.push(event.type);
  console.log(`  "${task.summary}" told: ${told.join(", ")}`);
  const value = "a report of 3 pages";
  assert.deepEqual(await client.waitFor(task.id), { status: "completed", value, truncated: null, lossy: [] });
}

async function createAndCancel(client: TaskClient): Promise<void> {
  const { id } = await client.create({ tool: "report", input: { pages: 10_000 } });
  await client.cancel(id, { reason: "no longer needed" });
  assert.deepEqual(await client.waitFor(id), { status: "cancelled", by: "user", reason: "no longer needed" });
}

/** Who leaves frees the connection at once: there is room for 32 streams of a user, and these are more. */
async function leaveStreams(client: TaskClient): Promise<void> {
  const onState = (state: string) => assert.equal(state, "live");
  for (let visits = 0; visits < 40; visits += 1) {
    for await (const update of client.watchAll({ onState })) {
      assert.equal(update.type, "snapshot");
      break;
    }
  }
}
