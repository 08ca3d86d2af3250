import { setTimeout as sleep } from "node:timers/promises";
import { createTool } from "@mastra/core/tools";
import * as z from "zod";

/** Slow: it becomes a task. */
export const countStars = createTool({
  id: "countStars",
  description: "Counts the stars that one can see without a telescope.",
  inputSchema: z.object({}),
  execute: (_, { abortSignal }) => sleep(600, 9_096, { signal: abortSignal }),
});

/** Fast: nothing happens to it. */
export const lookUp = createTool({
  id: "lookUp",
  description: "Looks a fact of astronomy up.",
  inputSchema: z.object({ question: z.string() }),
  execute: async () => "Proxima Centauri",
});
