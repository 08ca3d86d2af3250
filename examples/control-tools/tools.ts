import { setTimeout as sleep } from "node:timers/promises";
import type { ToolContext } from "tool-offload";
import * as z from "zod";

const LINES = ["compiling core", "compiling stores", "running the tests", "packing"];

/** A tool that takes its time, says what it does, and has a long result. */
export const build = {
  name: "build",
  description: "Builds a branch, and answers the log.",
  inputSchema: z.object({ branch: z.string().describe("The branch to build.") }),
  async execute({ branch }: { branch: string }, { signal, report, write }: ToolContext) {
    for (const [index, line] of LINES.entries()) {
      write(`${line}\n`);
      report({ value: index + 1, total: LINES.length });
      await sleep(150, undefined, { signal });
    }
    const log = LINES.map((line) => `${branch}: ${line} ✅\n`.repeat(50));
    return log.join("");
  },
};

/** A tool that nobody has the patience for. */
export const crawl = {
  name: "crawl",
  description: "Fetches every page of a site.",
  inputSchema: z.object({ site: z.string().describe("The host name of the site.") }),
  execute: ({ site }: { site: string }, { signal }: ToolContext) =>
    sleep(60_000, `all of ${site}`, { signal }),
};
