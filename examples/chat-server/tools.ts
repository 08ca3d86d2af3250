import { setTimeout as sleep } from "node:timers/promises";
import { tool } from "ai";
import type { DurableContext, DurableTool, ToolOptions } from "tool-offload";
import { toolContext } from "tool-offload/adapters/ai-sdk";
import * as z from "zod";

const PAGES = 12;
const STARS_ON_A_PAGE = 758;

interface Counted {
  pages: number;
  stars: number;
}

/** Takes five seconds. A process that starts it again goes on from the page where the other one died. */
async function countStars(_: unknown, context: DurableContext) {
  const { lastCheckpoint, checkpoint, report, signal } = context;
  let { pages, stars } = (lastCheckpoint as Counted | undefined) ?? { pages: 0, stars: 0 };
  while (pages < PAGES) {
    await sleep(400, undefined, { signal });
    pages += 1;
    stars += STARS_ON_A_PAGE;
    await checkpoint({ pages, stars } satisfies Counted);
    report({ value: pages, total: PAGES, message: `page ${pages} of ${PAGES}` });
  }
  return { stars };
}

/** For the model. */
export const tools = {
  count_stars: tool({
    description: "Counts the stars of the catalogue, page by page.",
    inputSchema: z.object({}),
    execute: (input, options) => countStars(input, toolContext(options) as DurableContext),
  }),
  write_report: tool({
    description: "Writes a report on a subject.",
    inputSchema: z.object({ subject: z.string() }),
    execute: async ({ subject }, { abortSignal }) => {
      await sleep(1_200, undefined, { signal: abortSignal });
      return { title: `All about ${subject}`, pages: 7 };
    },
  }),
  weather: tool({
    description: "Tells the weather in a city.",
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => ({ city, celsius: city === "Rome" ? 27 : 21 }),
  }),
};

/** For the middleware: what pages call a task. Without it they say `write_report(subject="penguins")`. */
export const toolOptions: Record<string, ToolOptions> = {
  count_stars: { summarize: () => "Count of the stars" },
  write_report: { summarize: (input) => `Report on ${(input as { subject: string }).subject}` },
};

/** For the manager: what may be started again when its process has died. A report is told as lost then. */
export const durableTools: Record<string, DurableTool> = {
  count_stars: { execute: countStars, resumable: true },
};
