/**
 * The AI SDK's own loop, with a slow tool and a fast one. The slow call becomes a task, the turn ends without it,
 * and when the result is there the dispatcher runs a turn that uses it.
 *
 * The model is a mock, unless AI_GATEWAY_API_KEY is set. The tools, their tasks and the loop are real.
 */
import assert from "node:assert/strict";
import { BackgroundTaskManager } from "tool-offload";
import { followUpOf, isPlaceholder } from "tool-offload/adapters/ai-sdk";
import { FollowUpDispatcher } from "tool-offload/follow-up";
import { Chat } from "./chat.ts";
import { model } from "./model.ts";

const scope = { userId: "ada", sessionId: "chat-7" };
const tasks = new BackgroundTaskManager();
const chat = new Chat({ tasks, scope, model });
const dispatcher = new FollowUpDispatcher({ tasks, deliver: (turn) => chat.takeTurn(turn) }).start();
const delivered = new Promise<void>((resolve) => tasks.once("follow_up.delivered", () => resolve()));

// The first turn: a value from the fast tool, a placeholder from the slow one.
const question = "How many stars are in the catalogue, and what is the weather in Paris?";
const first = await dispatcher.turn(scope, (turn) => chat.takeTurn(turn, question));
assert(first);
const results = first.steps.flatMap(({ toolResults }) => toolResults);
assert.deepEqual(results.map(({ toolName, output }) => [toolName, isPlaceholder(output)]).sort(), [
  ["count_stars", true],
  ["weather", false],
]);
assert(!first.text.includes("9096"));

// The second turn begins by itself.
await delivered;
await dispatcher.stop();
const last = chat.messages.at(-1);
const answer = JSON.stringify(last?.content).replaceAll(",", "");
assert.match(answer, /9096/);
assert.equal(last?.role, "assistant");

// The result came as a marked message of its own, and the call still has its one result, the placeholder.
const notices = chat.messages.flatMap((message) => followUpOf(message)?.tasks ?? []);
assert.deepEqual(
  notices.map(({ toolName, status }) => [toolName, status]),
  [["count_stars", "completed"]],
);
const [task] = (await tasks.list(scope)).tasks;
assert.equal(task?.followUp.status, "delivered");
await tasks.close();
