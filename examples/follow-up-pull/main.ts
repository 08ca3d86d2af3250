/**
 * Late results by pull: the agent's loop asks for them. At each step of a turn it takes in what may interrupt
 * one, and before a turn begins, everything.
 *
 * The model is scripted. The tools and their tasks are real.
 */
import assert from "node:assert/strict";
import { BackgroundTaskManager } from "tool-offload";
import { FollowUpInbox } from "tool-offload/follow-up";
import { Agent, type Message } from "./agent.ts";

const tasks = new BackgroundTaskManager();
const scope = { userId: "ada", sessionId: "chat-7" };
const agent = new Agent(tasks, scope);

// The deployment fails while the agent reviews files, and it hears of that in the same turn.
await agent.turn("Deploy the shop, audit it, and meanwhile review the code.");
const firstTurn = agent.messages.length;

// The audit ends later. It would interrupt no turn, and wakes nobody: it waits for the user.
const { tasks: all } = await tasks.list(scope);
await tasks.wait(
  scope,
  all.map(({ id }) => id),
);
const inbox = new FollowUpInbox({ tasks });
assert.equal(await inbox.claim(scope, { during: "turn" }), undefined);
await agent.turn("What do you know by now?");
for (const message of agent.messages) show(message);

// The failure stands right after a step of the first turn, which ended before all twenty files were reviewed.
const [failure, audit, ...more] = agent.messages.filter(({ marker }) => marker);
assert.deepEqual(
  failure?.marker?.tasks.map(({ toolName, status }) => [toolName, status]),
  [["deploy", "failed"]],
);
assert.equal(agent.messages.indexOf(failure as Message), firstTurn - 2);
assert.equal(agent.messages[firstTurn - 3]?.toolName, "review");
assert.equal(agent.messages[firstTurn - 1]?.content, "I stop here: deploy has failed.");

// The audit stands right before what the user said next, and the answer knows of both.
assert.deepEqual(
  audit?.marker?.tasks.map(({ toolName, status }) => [toolName, status]),
  [["audit", "completed"]],
);
assert.equal(agent.messages.indexOf(audit as Message), firstTurn);
assert.equal(agent.messages[firstTurn + 1]?.role, "user");
assert.equal(agent.messages.at(-1)?.content, "I know this: deploy has failed, audit has completed.");

// Each once, and nothing is left.
assert.equal(more.length, 0);
assert.equal(await inbox.claim(scope, { during: "idle" }), undefined);
for (const { id } of all) assert.equal((await tasks.get(scope, id))?.followUp.status, "delivered");
await tasks.close();

/** As a page would draw it: what the agent was told by itself is no word of the user's. */
function show({ role, content, marker }: Message): void {
  const news = marker?.tasks.map(({ toolName, status }) => `${toolName} has ${status}`).join(", ");
  const line = news ?? (content.length > 90 ? `${content.slice(0, 90)}…` : content);
  console.log(`${(news ? "[notice]" : `[${role}]`).padEnd(11)} ${line}`);
}
