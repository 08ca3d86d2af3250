import { setTimeout as sleep } from "node:timers/promises";
import { tool as plainTool } from "@openai/agents";
import type { ToolOffloadMiddleware } from "tool-offload";
import { offloadingTool, toolContext } from "tool-offload/adapters/openai-agents";
import * as z from "zod";

const STEPS = 10;

/** What the app hands to each run, and tools find in it. */
export interface Context {
  userId: string;
  chatId: string;
}

/** A slow tool and a fast one. Neither knows of the background. */
export function toolsOf(offload: ToolOffloadMiddleware) {
  const tool = offloadingTool(plainTool, {
    offload,
    scope: ({ userId, chatId }: Context) => ({ userId, sessionId: chatId }),
  });
  const survey = tool({
    name: "count_stars",
    description: "Counts the stars that can be seen from a place. It takes a while.",
    parameters: z.object({ place: z.string() }),
    // It says how far it is, and stops when it is told to: `signal` is the tool's own.
    execute: async ({ place }, _context, details) => {
      for (let value = 1; value <= STEPS; value += 1) {
        await sleep(150, undefined, { signal: details?.signal });
        toolContext(details)?.report({ value, total: STEPS });
      }
      return `9,096 stars above ${place}`;
    },
  });
  const weather = tool({
    name: "weather",
    description: "Tells what the sky is like at a place.",
    parameters: z.object({ place: z.string() }),
    execute: async ({ place }) => `a clear sky over ${place}`,
  });
  return [survey, weather];
}
