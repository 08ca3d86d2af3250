/** A tool that streams: its chunks come through live, until the timeout. The rest is read in the background. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { BackgroundTaskManager, ToolOffloadMiddleware } from "tool-offload";

const LINES = ["Roses ", "are red, ", "violets ", "are blue, ", "slow ", "tools ", "come ", "through."];

async function* recite({ lines }: { lines: string[] }) {
  for (const line of lines) {
    await sleep(100);
    yield line;
  }
}

const tasks = new BackgroundTaskManager();
const offload = new ToolOffloadMiddleware({ tasks, timeoutMs: 450 });
const call = { toolName: "recite", input: { lines: LINES }, scope: { userId: "ada" } };

const stream = offload.stream(call, recite, { initial: "", reduce: (poem, line) => poem + line });

// The turn sees each chunk as it comes. The loop ends at the timeout, as if the tool were done.
const live: string[] = [];
for await (const line of stream) {
  live.push(line);
  console.log(`live: ${line}`);
}
assert(live.length > 0 && live.length < LINES.length);

// What it came to: not a value, but a task and the text for the model.
const outcome = await stream.outcome;
assert(outcome.status === "offloaded");
console.log(outcome.message);

// The tool goes on. Its output holds all of it, what came before the timeout included.
await tasks.wait(call.scope, [outcome.task.id]);
const { events } = await tasks.events(call.scope, outcome.task.id);
const output = events.map((event) => (event.type === "task.output" ? event.chunk : "")).join("");
assert.equal(output, LINES.join(""));

// And the result is what `reduce` has made of all chunks.
const result = await tasks.result(call.scope, outcome.task.id);
assert(result?.status === "completed");
assert.equal(result.value, LINES.join(""));
console.log(`result: ${result.value}`);
