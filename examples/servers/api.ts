/** What each server of this folder mounts: a manager, and its HTTP API with one tool that users may start. */
import { setTimeout as sleep } from "node:timers/promises";
import { BackgroundTaskManager, type ToolContext } from "tool-offload";
import { createTaskHandler } from "tool-offload/http";
import * as z from "zod";

export const tasks = new BackgroundTaskManager();

const users = new Map([
  ["Bearer ada-token", { userId: "ada" }],
  ["Bearer bob-token", { userId: "bob" }],
]);

export const handler = createTaskHandler({
  tasks,
  authenticate: (request) => users.get(request.headers.get("Authorization") ?? ""),
  challenge: "Bearer",
  allowCancel: true,
  tools: {
    report: {
      description: "Writes a report, page by page.",
      schema: z.object({ pages: z.number().int().min(1) }),
      execute: writeReport,
    },
  },
});

async function writeReport({ pages }: { pages: number }, { signal, report }: ToolContext): Promise<string> {
  for (let page = 1; page <= pages; page += 1) {
    await sleep(20, undefined, { signal });
    report({ value: page, total: pages });
  }
  return `a report of ${pages} pages`;
}
