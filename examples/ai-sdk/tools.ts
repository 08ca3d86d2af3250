import { setTimeout as sleep } from "node:timers/promises";
import { tool } from "ai";
import { toolContext } from "tool-offload/adapters/ai-sdk";
import * as z from "zod";

const STEPS = 8;

/** Takes its time, says how far it is, and stops when it is told to. */
export const countStars = tool({
  description: "Counts the stars of the catalogue. Takes a while.",
  inputSchema: z.object({}),
  async execute(_, options) {
    for (let value = 1; value <= STEPS; value += 1) {
      await sleep(100, undefined, { signal: options.abortSignal });
      toolContext(options)?.report({ value, total: STEPS });
    }
    return { stars: 9_096 };
  },
});

export const weather = tool({
  description: "Tells the weather in a city.",
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => ({ city, celsius: 21 }),
});
