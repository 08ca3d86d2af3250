import { setTimeout as sleep } from "node:timers/promises";
import { type ToolRuntime, tool } from "langchain";
import { toolContext } from "tool-offload/adapters/langchain";
import * as z from "zod";

const STEPS = 8;

/** Takes its time, says how far it is, and stops when it is told to: `signal` is the tool's own. */
export const countStars = tool(
  async (_, runtime: ToolRuntime & { signal?: AbortSignal }) => {
    for (let value = 1; value <= STEPS; value += 1) {
      await sleep(100, undefined, { signal: runtime.signal });
      toolContext(runtime)?.report({ value, total: STEPS });
    }
    return { stars: 9_096 };
  },
  {
    name: "count_stars",
    description: "Counts the stars of the catalogue. Takes a while.",
    schema: z.object({}),
  },
);

export const weather = tool(async ({ city }) => ({ city, celsius: 21 }), {
  name: "weather",
  description: "Tells the weather in a city.",
  schema: z.object({ city: z.string() }),
});
