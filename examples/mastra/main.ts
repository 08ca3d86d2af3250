/**
 * Mastra: the model calls a fast tool and a slow one, gets a value and a placeholder, and ends its turn. The late
 * result comes to the thread as a signal, and wakes the agent for a turn that nobody has asked for.
 *
 * The model is scripted; with OPENAI_API_KEY a real one takes its place. Mastra wants a newer Node and is not
 * installed here: `npm run test:mastra` installs it and runs this.
 */
import assert from "node:assert/strict";
import { Agent } from "@mastra/core/agent";
import { InMemoryStore } from "@mastra/core/storage";
import { Memory } from "@mastra/memory";
import { BackgroundTaskManager, ToolOffloadMiddleware } from "tool-offload";
import {
  followUpInterrupts,
  followUpOf,
  isPlaceholder,
  offloadTools,
  sendFollowUps,
  taskTools,
} from "tool-offload/adapters/mastra";
import { FollowUpDispatcher, FollowUpInbox, type Turn } from "tool-offload/follow-up";
import { scriptedModel } from "./model.ts";
import { countStars, lookUp } from "./tools.ts";

const tasks = new BackgroundTaskManager();
const offload = new ToolOffloadMiddleware({ tasks, timeoutMs: 200 });
const memory = new Memory({ storage: new InMemoryStore() });
const agent = new Agent({
  id: "astronomer",
  name: "Astronomer",
  instructions: "Call each tool that helps once, all of them at the same time. Answer in a sentence or two.",
  model: process.env.OPENAI_API_KEY ? "openai/gpt-5-mini" : scriptedModel(),
  memory,
  tools: { ...offloadTools({ countStars, lookUp }, { offload }), ...taskTools({ tasks }) },
  inputProcessors: [followUpInterrupts({ inbox: new FollowUpInbox({ tasks }), memory })],
});

// A turn that nobody has asked for takes five steps at most. Beside the session's turn there is the thread's own lock,
// which is Mastra's: sendFollowUps wakes the thread by a signal, and puts that off while Mastra runs another turn there.
const deliver = sendFollowUps(agent, { streamOptions: { maxSteps: 5 } });
const dispatcher = new FollowUpDispatcher({ tasks, deliver }).start();

const thread = { resourceId: "ada", threadId: "chat-7" };
const scope = { userId: thread.resourceId, sessionId: thread.threadId };

/** A turn for what the user says, which no other process runs beside. What waits comes in by followUpInterrupts. */
async function takeTurn({ signal }: Turn, text: string) {
  const memory = { resource: thread.resourceId, thread: thread.threadId };
  const output = await agent.stream(text, { memory, abortSignal: signal });
  const answer = await output.getFullOutput();
  if (answer.error) throw answer.error;
  return answer;
}
const question = "Which is the nearest star, and how many can one see?";
const { toolResults } = await dispatcher.turn(scope, (turn) => takeTurn(turn, question));

// The fast tool gave its value, and the slow one goes on.
const results = Object.fromEntries(toolResults.map(({ payload }) => [payload.toolName, payload.result]));
assert.equal(results.lookUp, "Proxima Centauri");
assert(isPlaceholder(results.countStars));
const id = results.countStars.taskId;
assert.equal((await tasks.get(scope, id))?.status, "running");

await new Promise((resolve) => tasks.once("follow_up.delivered", resolve));
await dispatcher.stop();
await tasks.close();

const { messages } = await memory.recall({ ...thread, perPage: false });
for (const message of messages) {
  const news = followUpOf(message)?.tasks.map(({ toolName, status }) => `${toolName} has ${status}`);
  // What the agent was told by itself is no word of the user's.
  if (news) console.log(`[notice]    ${news.join(", ")}`);
  else console.log(`${`[${message.role}]`.padEnd(11)} ${textOf(message)}`);
}

// One message tells of it, and the answer that follows makes use of it.
assert.deepEqual(
  messages.map(({ role }) => role),
  ["user", "assistant", "signal", "assistant"],
);
assert.match(textOf(messages[3]), /9[.,\s]?096/);

function textOf(message: (typeof messages)[number] | undefined): string {
  const parts = message?.content.parts ?? [];
  return parts.map((part) => (part.type === "text" ? part.text : "")).join("");
}
