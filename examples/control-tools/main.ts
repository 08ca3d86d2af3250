/** The tools with which a model handles its own tasks: see them, read one, stop one. */
import assert from "node:assert/strict";
import { BackgroundTaskManager, ToolOffloadMiddleware } from "tool-offload";
import { controlTools, withBackgroundArgument } from "tool-offload/tools";
import { callTool, introduce } from "./model.ts";
import { build, crawl } from "./tools.ts";

const scope = { userId: "ada", sessionId: "chat-7" };
const tasks = new BackgroundTaskManager();
const offload = new ToolOffloadMiddleware({ tasks, timeoutMs: 100 });

// The control tools see this session and nothing else. They are quick: they need no middleware.
const { task_list, task_output, task_stop } = controlTools({ tasks, scope, maxChars: 2_000 });

// The model's own tools get an argument more, which they themselves never see.
const buildTool = withBackgroundArgument(build, offload);
const crawlTool = withBackgroundArgument(crawl, offload);
const all = [task_list, task_output, task_stop, buildTool, crawlTool].map(introduce);
console.log(`The model is scripted. It is told of ${all.map(({ name }) => name).join(", ")}.`);

// Two calls: one that turns out slow, and one that the model itself sends to the background.
const slow = await buildTool.execute(buildTool.inputSchema.parse({ branch: "main" }), { scope });
assert(slow.status === "offloaded");
console.log(`\nmodel calls build, and gets: ${slow.message}`);
const asked = crawlTool.inputSchema.parse({ site: "example.com", run_in_background: true });
const sent = await crawlTool.execute(asked, { scope });
assert(sent.status === "offloaded");

// What is going on?
const list = await callTool(task_list, { status: ["queued", "running"] });
assert.equal(list.tasks.length, 2);
const task_id = list.tasks.find(({ tool }) => tool === "build")?.task_id ?? "";

// How far is the build? Its output so far, while it runs. Nothing is marked as read.
const early = await callTool(task_output, { task_id });
assert("task" in early && early.outcome === null);
assert.match(early.output?.text ?? "", /^compiling core\n/);

// The model has nothing else to do, and waits. It goes on in the output, and gets the result's beginning.
const late = await callTool(task_output, { task_id, wait_ms: 10_000, after: early.output?.next_after });
assert("task" in late && late.outcome?.status === "completed");
assert.equal(`${early.output?.text}${late.output?.text}`.split("\n").length, 5);

// The rest of the result, by offset.
let result = late.outcome.text;
for (let offset = late.outcome.next_offset; offset !== null; ) {
  const more = await callTool(task_output, { task_id, offset });
  assert("task" in more && more.outcome?.status === "completed");
  result += more.outcome.text;
  offset = more.outcome.next_offset;
}
const kept = await tasks.result(scope, task_id);
assert(kept?.status === "completed");
assert.equal(result, kept.value);

// The crawl is not wanted any more.
const stopped = await callTool(task_stop, { task_id: sent.task.id, reason: "The user has what she needs." });
assert(stopped.found && stopped.state === "stopped");
const again = await callTool(task_stop, { task_id: sent.task.id });
assert(again.found && again.state === "already_ended");

// Neither will be told of again: the one was read, the other the model has stopped itself.
const built = await tasks.get(scope, task_id);
const crawled = await tasks.get(scope, sent.task.id);
assert.deepEqual(built?.followUp, { status: "dropped", attempts: 0, reason: "observed" });
assert.equal(crawled?.followUp.status, "none");
assert.equal(crawled?.cancel?.by, "model");
console.log(`\nFollow-ups: build ${built?.followUp.status}, crawl ${crawled?.followUp.status}.`);
await tasks.close();
