import { setTimeout as sleep } from "node:timers/promises";
import type { ToolContext } from "tool-offload";

/** A deployment that fails after a while: something the agent should hear of at once. */
async function deploy({ target }: { target: string }, { signal }: ToolContext): Promise<string> {
  await sleep(400, undefined, { signal });
  throw new Error(`The health check of ${target} has failed.`);
}

/** A look at the dependencies that takes longer. Its result can wait until the agent is spoken to. */
async function audit({ target }: { target: string }, { signal }: ToolContext): Promise<string> {
  return sleep(1_200, `Nothing to complain about in ${target}.`, { signal });
}

/** Quick work that needs neither of them. */
async function review({ target }: { target: string }, { signal }: ToolContext): Promise<string> {
  return sleep(70, `${target} looks good.`, { signal });
}

export const tools = { deploy, audit, review };
export type ToolName = keyof typeof tools;
