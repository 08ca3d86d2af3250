/** A whole agent run as one task: its text grows while somebody watches, and its answer is the result. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { BackgroundTaskManager, type ToolContext } from "tool-offload";

/** The agent. It is scripted, since no model is asked here; put your framework's streaming run in its place. */
async function* runAgent({ question }: { question: string }, signal: AbortSignal) {
  yield `You ask: ${question}\n`;
  for (const step of ["I read the logs.\n", "I compare two releases.\n", "The cache was never warm.\n"]) {
    await sleep(150, undefined, { signal });
    yield step;
  }
}

/** The same agent as a tool: what it says becomes the task's output, word for word. */
async function research(input: { question: string }, { signal, write, report }: ToolContext) {
  let text = "";
  for await (const part of runAgent(input, signal)) {
    text += part;
    write(part);
    report({ message: `${text.split("\n").length - 1} lines so far` });
  }
  return { answer: text.trim().split("\n").at(-1) };
}

const tasks = new BackgroundTaskManager();
const scope = { userId: "ada", sessionId: "chat-7" };
const call = { toolName: "research", input: { question: "Why was it slow?" }, scope };
const task = await tasks.start(call, research, { priority: 5 });
console.log(`started: ${task.summary}`);

// A watcher, in the same process or behind a server: it prints the text as it grows, and ends with the task.
let seen = "";
let pieces = 0;
for await (const { event } of tasks.watch(scope, { id: task.id })) {
  if (event.type !== "task.output") continue;
  pieces += 1;
  seen += event.chunk;
  process.stdout.write(event.chunk);
}
assert(pieces > 1, "The text came in one piece.");
assert.equal(seen.split("\n")[0], "You ask: Why was it slow?");

const result = await tasks.result(scope, task.id);
assert(result?.status === "completed");
assert.deepEqual(result.value, { answer: "The cache was never warm." });
console.log("result:", result.value);
