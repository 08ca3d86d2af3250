import { BackgroundTaskManager, ToolOffloadMiddleware } from "tool-offload";
import { type Delivery, FollowUpDispatcher } from "tool-offload/follow-up";
import { ScriptedAgent } from "./agent.ts";
import { narrate } from "./narrator.ts";
import { killCommands } from "./processes.ts";
import { startApi, startSite } from "./servers.ts";
import { fetchPage, shell, wait } from "./tools.ts";

export const TIMEOUT_MS = 500;
export const CANCEL_GRACE_MS = 1_500;
export const COALESCE_MS = 500;

export type Stage = Awaited<ReturnType<typeof setStage>>;

/** Everything the scenes play with. */
export async function setStage() {
  const tasks = new BackgroundTaskManager({ cancelGraceMs: CANCEL_GRACE_MS });
  const offload = new ToolOffloadMiddleware({ tasks, timeoutMs: TIMEOUT_MS });
  const tools = {
    shell: { name: shell.name, run: offload.wrap(shell) },
    fetchPage: { name: fetchPage.name, run: offload.wrap(fetchPage) },
    wait: { name: wait.name, run: offload.wrap(wait) },
  };
  const deliver = (turn: Delivery) => {
    const agent = [ada, bob].find(({ scope }) => scope.userId === turn.scope.userId);
    if (agent === undefined) turn.gone();
    else agent.wake(turn);
  };
  const dispatcher = new FollowUpDispatcher({ tasks, deliver, coalesceMs: COALESCE_MS }).start();
  const ada = new ScriptedAgent({ userId: "ada", sessionId: "release" }, dispatcher);
  const bob = new ScriptedAgent({ userId: "bob", sessionId: "tea" }, dispatcher);
  const [site, api] = await Promise.all([startSite(), startApi(tasks)]);
  const curtain = new AbortController();
  const narration = narrate(tasks, { userId: "ada" }, curtain.signal);

  async function strike(): Promise<void> {
    await dispatcher.stop({ drainMs: 0 });
    await tasks.close({ drainMs: 0 });
    curtain.abort();
    await Promise.all([narration, site.close(), api.close(), killCommands()]);
  }
  return { tasks, tools, ada, bob, site, api, strike };
}
