import { setTimeout as sleep } from "node:timers/promises";
import type { ToolContext } from "tool-offload";

/** Two tools that take their time, and work in the session's folder. */
export const tools = {
  test: ({ workspace }: { workspace: string }, { signal }: ToolContext) =>
    sleep(250, `128 tests passed in ${workspace}.`, { signal }),
  build: ({ workspace }: { workspace: string }, { signal }: ToolContext) =>
    sleep(260, `Built ${workspace}/dist.`, { signal }),
};

export type ToolName = keyof typeof tools;
