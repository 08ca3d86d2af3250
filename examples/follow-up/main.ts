/**
 * Late results by push: the dispatcher runs a turn of the agent for them. Delivery is at least once, so the host
 * keeps, in one write with the turn's messages, which results it has taken in. Here its process "dies" in the
 * worst moment, after that write and before the acknowledgement, and nothing is lost or said twice.
 *
 * The model is scripted. The tools, their tasks and the files are real.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { BackgroundTaskManager } from "tool-offload";
import { FollowUpDispatcher } from "tool-offload/follow-up";
import { Conversations } from "./conversations.ts";
import { Host } from "./host.ts";
import { show } from "./page.ts";

const folder = await mkdtemp(join(tmpdir(), "follow-up-"));
const conversations = new Conversations(folder);
const tasks = new BackgroundTaskManager();
const scope = { userId: "ada", sessionId: "chat-7" };

let host = new Host(tasks, conversations);
const deliveries: { ids: string[]; conversation: string }[] = [];
const dispatcher = new FollowUpDispatcher({
  tasks,
  retryMs: 100,
  async deliver(turn) {
    await host.takeTurn(turn);
    const conversation = JSON.stringify(await conversations.read(scope));
    deliveries.push({ ids: turn.followUps.map(({ id }) => id), conversation });
    const { tasks } = turn.message.marker;
    console.log(`delivery ${deliveries.length}: ${tasks.map(({ toolName }) => toolName)}`);
    if (deliveries.length === 1) die();
  },
});
tasks.on("delivery.failed", ({ error }) => console.log(`delivery failed: ${(error as Error).message}`));

/** A stand-in for the death of the process: the turn is on disk, and the dispatcher never hears of it. */
function die(): never {
  host = new Host(tasks, conversations);
  throw new Error("The process died after the commit.");
}

dispatcher.start();
const session = { model: "scripted-1", workspace: "ada-project" };
const said = { content: "Test and build it, please.", session };
await dispatcher.turn(scope, (turn) => host.takeTurn(turn, said));

// The app restarts here, so to speak. What the next turn needs comes with the results.
host = new Host(tasks, conversations);
const { tasks: both } = await tasks.list(scope);
const isDelivered = async (id: string) => (await tasks.get(scope, id))?.followUp.status === "delivered";
for (const { id } of both) while (!(await isDelivered(id))) await sleep(20);
await dispatcher.stop();
await tasks.close();

const conversation = await conversations.read(scope);
assert(conversation);
console.log();
show(conversation);

// Two tasks, one turn. It was delivered twice, and the second time changed nothing.
const ids = both.map(({ id }) => id).sort();
const [first, second, ...more] = deliveries;
assert.deepEqual([first?.ids.sort(), second?.ids.sort(), more.length], [ids, ids, 0]);
assert.equal(second?.conversation, first?.conversation);
for (const { id } of both) assert.equal((await tasks.get(scope, id))?.followUp.attempts, 2);

// Each result is in the conversation once, and so is its id.
const told = conversation.messages.flatMap(({ marker }) => marker?.tasks.map(({ id }) => id) ?? []);
assert.deepEqual([told.sort(), conversation.takenIn.sort()], [ids, ids]);
const roles = conversation.messages.map(({ role, marker }) => (marker ? "notice" : role));
assert.deepEqual(roles, ["user", "assistant", "tool", "tool", "assistant", "notice", "assistant"]);

// The host that took that turn knew the session's model from the results alone.
assert.equal(conversation.messages.at(-1)?.content.endsWith("(scripted-1)"), true);
await rm(folder, { recursive: true });
