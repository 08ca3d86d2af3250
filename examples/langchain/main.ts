/**
 * LangChain's own agent, with a slow tool and a fast one. The slow call becomes a task, the turn ends without it,
 * and when the result is there the dispatcher runs a turn that uses it.
 *
 * The model is LangChain's fake one, unless OPENAI_API_KEY is set. The tools, their tasks and the loop are real.
 */
import assert from "node:assert/strict";
import { ToolMessage } from "langchain";
import { BackgroundTaskManager } from "tool-offload";
import { followUpOf } from "tool-offload/adapters/langchain";
import { FollowUpDispatcher } from "tool-offload/follow-up";
import { Chat } from "./chat.ts";
import { chooseModel } from "./model.ts";
import { show } from "./page.ts";

const scope = { userId: "ada", sessionId: "chat-7" };
const tasks = new BackgroundTaskManager();
const chat = new Chat({ tasks, scope, model: await chooseModel() });
const dispatcher = new FollowUpDispatcher({ tasks, deliver: (turn) => chat.takeTurn(turn) });
dispatcher.start();
const delivered = new Promise<void>((resolve) => tasks.once("follow_up.delivered", () => resolve()));
tasks.on("task.progress", ({ task }) => {
  const { value, total } = task.progress ?? {};
  console.log(`               … ${task.toolName}: ${value} of ${total}`);
});

// The first turn: a value from the fast tool, a placeholder from the slow one.
const question = "How many stars are in the catalogue, and what is the weather in Paris?";
await dispatcher.turn(scope, (turn) => chat.takeTurn(turn, question));
const first = await chat.messages();
const results = first.filter((message) => ToolMessage.isInstance(message));
const [task] = (await tasks.list(scope)).tasks;
assert(task);
assert.deepEqual(
  results.map(({ name, text }) => [name, text.includes(task.id)]),
  [
    ["count_stars", true],
    ["weather", false],
  ],
);
assert(!first.at(-1)?.text.includes("9096"));

// The second turn begins by itself.
await delivered;
await dispatcher.stop();
const messages = await chat.messages();
console.log();
for (const message of messages) show(message);
assert.match(messages.at(-1)?.text.replaceAll(",", "") ?? "", /9096/);

// The result came as a marked message of its own, and the call still has its one result, the placeholder.
const notices = messages.flatMap((message) => followUpOf(message)?.tasks ?? []);
assert.deepEqual(
  notices.map(({ toolName, status }) => [toolName, status]),
  [["count_stars", "completed"]],
);
assert.equal(messages.filter((message) => ToolMessage.isInstance(message)).length, 2);
assert.equal((await tasks.get(scope, task.id))?.followUp.status, "delivered");
await tasks.close();
