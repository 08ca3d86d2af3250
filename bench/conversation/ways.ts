import { setTimeout as sleep } from "node:timers/promises";
import { BackgroundTaskManager, ToolOffloadMiddleware } from "tool-offload";
import { type FollowUp, FollowUpDispatcher, FollowUpInbox } from "tool-offload/follow-up";
import { type Item, ScriptedAgent, type Told, type Way } from "./agent.ts";
import { millisecondsOf, type Question, TIMEOUT_S } from "./script.ts";

/** An agent, ready to be spoken to. */
export interface Cast {
  agent: ScriptedAgent;
  close(): Promise<void>;
}

export type CastFor = (told: Told) => Cast;

const TIMEOUT_MS = millisecondsOf(TIMEOUT_S);
/** The dispatcher's defaults, played as fast as the rest. */
const BEATS = {
  retryMs: millisecondsOf(1),
  busyRetryMs: millisecondsOf(1),
  pollMs: millisecondsOf(1),
};
export const COALESCE_S = 0.1;

export const WAYS = {
  blocking: inTurn((question) => useTool(question)),
  killed: inTurn(killed),
  background: inBackground({ mode: "always" }, 0),
  offloaded: inBackground({ mode: "auto", timeoutMs: TIMEOUT_MS }, millisecondsOf(COALESCE_S)),
} satisfies Record<string, CastFor>;

export type WayName = keyof typeof WAYS;

/** The tool, the same for all: it takes its time, and stops when it is told to. */
async function useTool({ name, toolS }: Question, signal?: AbortSignal): Promise<Item> {
  return { type: "result", name: await sleep(millisecondsOf(toolS), name, signal && { signal }) };
}

/** The tool or its timeout: a tie goes to the tool, as it does with the middleware. */
function killed(question: Question): Promise<Item> {
  const stop = new AbortController();
  const tool = useTool(question, stop.signal).catch((): Item => ({ type: "lost", name: question.name }));
  const timer = setTimeout(() => stop.abort(), TIMEOUT_MS);
  return tool.finally(() => clearTimeout(timer));
}

/** The turn waits for every call. */
function inTurn(call: Way["call"]): CastFor {
  return (told) => {
    const agent = new ScriptedAgent({ call, waiting: async () => [] }, told);
    return { agent, close: async () => undefined };
  };
}

/**
 * Slow results come by follow-up: to an idle agent at once, to a running one when its run ends. Only what goes
 * to the background, and when, is told apart here.
 */
function inBackground(terms: { mode: "always" | "auto"; timeoutMs?: number }, coalesceMs: number): CastFor {
  return (told) => {
    const scope = { userId: "ada", sessionId: "s1" };
    const tasks = new BackgroundTaskManager();
    const offload = new ToolOffloadMiddleware({ tasks, tools: { find: terms } });
    const inbox = new FollowUpInbox({ tasks });
    const agent = new ScriptedAgent({ call, waiting }, told);
    const dispatcher = new FollowUpDispatcher({
      tasks,
      coalesceMs,
      ...BEATS,
      deliver: ({ followUps }) => (agent.isRunning ? "busy" : agent.take(followUps.map(itemOf))),
    }).start();

    async function call(question: Question): Promise<Item> {
      const outcome = await offload.run({ toolName: "find", input: question, scope }, (input) =>
        useTool(input),
      );
      return outcome.status === "completed" ? outcome.value : { type: "placeholder" };
    }

    async function waiting(): Promise<Item[]> {
      const claim = await inbox.claim(scope, { during: "idle" });
      await claim?.acknowledge();
      return claim?.followUps.map(itemOf) ?? [];
    }

    async function close(): Promise<void> {
      await dispatcher.stop();
      await tasks.close();
    }
    return { agent, close };
  };
}

/** The result of a task is the very item that the tool has returned. */
function itemOf({ task, result }: FollowUp): Item {
  if (result.status !== "completed") throw new Error(`${task.summary} has ${result.status}.`);
  return result.value as Item;
}
