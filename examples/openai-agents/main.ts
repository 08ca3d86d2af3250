/**
 * An agent of the OpenAI Agents SDK that calls a slow tool and a fast one in one step. It gets a placeholder for
 * the slow one, ends its turn, and takes another when the result is there.
 *
 * Offline, the framework's own test model answers. With OPENAI_API_KEY set, a real one does.
 */
import assert from "node:assert/strict";
import { Agent, MemorySession, Runner } from "@openai/agents";
import { BackgroundTaskManager, ToolOffloadMiddleware } from "tool-offload";
import { takeIn, taskTools } from "tool-offload/adapters/openai-agents";
import { FollowUpDispatcher, type Turn } from "tool-offload/follow-up";
import { offlineModel } from "./model.ts";
import { show } from "./show.ts";
import { type Context, toolsOf } from "./tools.ts";

const isOnline = process.env.OPENAI_API_KEY !== undefined;
const tasks = new BackgroundTaskManager();
const offload = new ToolOffloadMiddleware({ tasks, timeoutMs: 200 });
const scope = { userId: "ada", sessionId: "chat-7" };
const context: Context = { userId: "ada", chatId: "chat-7" };

const agent = new Agent<Context>({
  name: "Astronomer",
  instructions:
    "Call all tools you need in one step. If a result is still to come, say in one sentence what you know, and end your turn.",
  tools: [...toolsOf(offload), ...taskTools({ tasks, scope })],
  ...(isOnline ? {} : { model: offlineModel() }),
});
const runner = new Runner({ tracingDisabled: !isOnline });
const session = new MemorySession({ sessionId: "chat-7" });

/** A turn, for what the user says, for results that have come, or for both. Answers what the agent has said last. */
async function takeTurn(turn: Turn, text?: string): Promise<string> {
  const isOwed = await takeIn(session, turn);
  // Results that were kept, and whose turn died before that was noted, come again.
  if (!isOwed && text === undefined) return "";
  // A turn that nobody waits for is bounded more tightly.
  const maxTurns = turn.by === "library" ? 3 : 10;
  const { finalOutput = "" } = await runner.run(agent, text ?? [], {
    session,
    context,
    signal: turn.signal,
    maxTurns,
  });
  return finalOutput;
}

let tell: (text: string) => void;
const told = new Promise<string>((resolve) => {
  tell = resolve;
});
// Whenever results are there: a turn that nobody has asked for.
const dispatcher = new FollowUpDispatcher({
  tasks,
  deliver: async (turn) => tell(await takeTurn(turn)),
}).start();

const question = "What is the sky like above Atacama, and how many stars can one see?";
const [first, items] = await dispatcher.turn(scope, async (turn) => {
  return [await takeTurn(turn, question), await session.getItems()] as const;
});
const last = await told;
const { tasks: all } = await tasks.list(scope);
await dispatcher.stop();
await tasks.close();

show(items);
console.log(`            … ${all.map(({ summary }) => summary)} went on in the background …`);
show((await session.getItems()).slice(items.length));

// The fast tool's value and the slow one's placeholder, in one step.
const results = items.flatMap((item) => (item.type === "function_call_result" ? [JSON.stringify(item)] : []));
assert.match(results.find((result) => result.includes("weather")) ?? "", /a clear sky over/);
assert.match(results.find((result) => result.includes("count_stars")) ?? "", /has not finished yet/);
assert.doesNotMatch(first, /9,?096/);
assert.deepEqual(
  all.map(({ toolName, status }) => [toolName, status]),
  [["count_stars", "completed"]],
);

// The second turn was taken without the user, and knows the result.
assert.match(last, /9,?096/);
