/** What a wrapped fast call adds to Mastra's loop, beside the same loop unwrapped, and what that loop varies by. */
import { Agent, type ToolsInput } from "@mastra/core/agent";
import { createTool } from "@mastra/core/tools";
import { BackgroundTaskManager, ToolOffloadMiddleware } from "tool-offload";
import { offloadTools } from "tool-offload/adapters/mastra";
import * as z from "zod";
import { nanoseconds, sideBySide } from "../../../bench/side-by-side.ts";
import type { Reply } from "../scenarios/framework.ts";
import { scriptedModel } from "./model.ts";

const CALLS = 20;
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

/** A turn of two steps: many calls at once, and the end. */
const calling: Reply = {
  calls: Array.from({ length: CALLS }, (_, a) => ({ id: `call_${a}`, toolName: "add", input: { a } })),
};

function turnWith(tools: ToolsInput): () => Promise<unknown> {
  const model = scriptedModel((shown) => (shown.at(-1)?.role === "tool" ? { text: "Done." } : calling));
  const agent = new Agent({ id: "agent", name: "agent", instructions: "Add.", model, tools });
  return () => agent.generate("Go.");
}

const works = {
  bare: turnWith(own),
  again: turnWith(own),
  wrapped: turnWith(offloadTools(own, { offload, scope })),
};
for (const work of Object.values(works)) for (let i = 0; i < 50; i += 1) await work();
const cost = await sideBySide(works, { rounds: 600, repeat: 1 });
await tasks.close();

const perCall = (ns: number) => nanoseconds(ns / CALLS);
const added = cost.wrapped - Math.min(cost.bare, cost.again);
console.log(`one call in Mastra's loop          ${perCall(cost.bare)}`);
console.log(`the same loop again (its noise)    ${perCall(Math.abs(cost.again - cost.bare))} apart`);
console.log(
  `wrapped                            ${perCall(added)} added, ${((added / cost.bare) * 100).toFixed(1)} %`,
);
