import { setTimeout as sleep } from "node:timers/promises";
import { BackgroundTaskManager, type ToolContext } from "tool-offload";

/** Next.js bundles routes and instrumentation apart, and loads files anew while one develops: what is one is held here. */
const held = globalThis as { taskManager?: BackgroundTaskManager };
held.taskManager ??= new BackgroundTaskManager();

export const tasks = held.taskManager;

export async function writeReport(
  { pages }: { pages: number },
  { signal, report }: ToolContext,
): Promise<string> {
  for (let page = 1; page <= pages; page += 1) {
    await sleep(20, undefined, { signal });
    report({ value: page, total: pages });
  }
  return `a report of ${pages} pages`;
}
