/** What a wrapped fast call adds to a turn of Mastra: two steps, one call, a scripted model. */
import { Agent, type ToolsInput } from "@mastra/core/agent";
import { createTool } from "@mastra/core/tools";
import { BackgroundTaskManager, ToolOffloadMiddleware } from "tool-offload";
import { offloadTools } from "tool-offload/adapters/mastra";
import * as z from "zod";
import { addedRow, turnsSideBySide } from "../../../bench/adapters/turns.ts";
import type { Reply } from "../scenarios/framework.ts";
import { scriptedModel } from "./model.ts";

const own = {
  add: createTool({
    id: "add",
    description: "Adds one.",
    inputSchema: z.object({ a: z.number() }),
    execute: async ({ a }) => a + 1,
  }),
};
const tasks = new BackgroundTaskManager();
const offload = new ToolOffloadMiddleware({ tasks });
const scope = { userId: "ada", sessionId: "chat-1" };

const calling: Reply = { calls: [{ id: "call_1", toolName: "add", input: { a: 1 } }] };

function turnWith(tools: ToolsInput): () => Promise<unknown> {
  const model = scriptedModel((shown) => (shown.at(-1)?.role === "tool" ? { text: "Done." } : calling));
  const agent = new Agent({ id: "agent", name: "agent", instructions: "Add.", model, tools });
  return () => agent.generate("Go.");
}

const cost = await turnsSideBySide(
  { bare: turnWith(own), again: turnWith(own), wrapped: turnWith(offloadTools(own, { offload, scope })) },
  1_000,
);
await tasks.close();

for (const { name, detail, ratio } of [
  addedRow("Mastra: a turn with a fast call, wrapped", cost.wrapped, cost.bare),
  addedRow("for comparison: unwrapped once more", cost.again, cost.bare),
]) {
  console.log(`| ${name} | ${detail} | ${ratio.toFixed(2)} | ≤ 1 |`);
}
