import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { BackgroundTaskManager, ToolOffloadMiddleware } from "tool-offload";

const tasks = new BackgroundTaskManager();
const offload = new ToolOffloadMiddleware({ tasks, timeoutMs: 100 });

const call = { toolName: "report", input: { pages: 300 }, scope: { userId: "ada" } };
const outcome = await offload.run(call, ({ pages }) => sleep(1_000, `${pages} pages`));
assert(outcome.status === "offloaded"); // after 100 ms; a fast tool gives { status: "completed", value }
console.log(outcome.message); // The tool "report" has not finished yet. It goes on …

const [task] = await tasks.wait(call.scope, [outcome.task.id]);
assert(task?.status === "completed");
console.log(await tasks.result(call.scope, task.id)); // { status: "completed", value: "300 pages", … }
