import { setTimeout as sleep } from "node:timers/promises";
import { BackgroundTaskManager } from "tool-offload";
import { FollowUpDispatcher, type Turn } from "tool-offload/follow-up";
import { controlTools } from "tool-offload/tools";
import { millisecondsOf, secondsOf, TURN_S } from "./script.ts";

/** What a model that polls has cost. */
export interface Polling {
  turns: number;
  /** That it was given to read: at each turn the whole conversation. */
  tokens: number;
  /** When it had the last result, in seconds of the script. */
  lastS: number;
}

/** How a model asks for tasks; answers the text that it reads. */
type AskFor = (ids: string[], signal: AbortSignal) => Promise<string>;

type Tools = ReturnType<typeof controlTools>;

const TOOLS_S = [30, 60, 150];
const WAIT_S = 5;
/** Of what stands in the conversation before. */
const CONTEXT_TOKENS = 10_000;
const CHARS_OF_TOKEN = 4;
const SCOPE = { userId: "ada", sessionId: "s1" };

/** As it was in 0.1.0: one call for each task, and nobody is told to stop asking. */
export function oldTaskOutput({ task_output }: Tools): AskFor {
  const ask = async (task_id: string, signal: AbortSignal) => {
    const { note: _, ...answer } = {
      note: "",
      ...(await task_output.execute({ task_id, wait_ms }, { signal })),
    };
    return JSON.stringify(answer);
  };
  return async (ids, signal) => (await Promise.all(ids.map((id) => ask(id, signal)))).join();
}

export function taskOutput({ task_output }: Tools): AskFor {
  return async (task_ids, signal) =>
    JSON.stringify(await task_output.execute({ task_ids, wait_for: "any", wait_ms }, { signal }));
}

/** Three tasks run, and a model that has started them asks for them as long as nobody tells it to end its turn. */
export async function playPolling(makeAskFor: (tools: Tools) => AskFor): Promise<Polling> {
  const tasks = new BackgroundTaskManager();
  const askFor = makeAskFor(controlTools({ tasks, scope: SCOPE }));
  const startedAt = performance.now();
  const tools = TOOLS_S.map((toolS) =>
    tasks.start({ toolName: "find", input: { toolS }, scope: SCOPE }, () =>
      sleep(millisecondsOf(toolS), `found ${toolS}`),
    ),
  );
  const open = new Set((await Promise.all(tools)).map(({ id }) => id));
  const cost = { turns: 0, tokens: 0, lastS: 0 };
  let chars = 0;
  const read = (text: string) => {
    chars += text.length;
    for (const id of open) if (tellsEnd(text, id)) open.delete(id);
    if (open.size === 0) cost.lastS = secondsOf(performance.now() - startedAt);
  };
  const think = async () => {
    cost.turns += 1;
    cost.tokens += CONTEXT_TOKENS + Math.round(chars / CHARS_OF_TOKEN);
    await sleep(millisecondsOf(TURN_S));
  };
  const run = async ({ message, signal }: Pick<Turn, "message" | "signal">) => {
    if (message !== undefined) read(message.text);
    await think();
    for (let isTold = false; open.size > 0 && !isTold; await think()) {
      const text = await askFor([...open], signal);
      read(text);
      isTold = text.includes("end your turn");
    }
  };
  const dispatcher = new FollowUpDispatcher({ tasks, deliver: run, coalesceMs: millisecondsOf(0.1) }).start();
  await dispatcher.turn(SCOPE, run);
  while (open.size > 0) await sleep(10);
  await dispatcher.stop();
  await tasks.close();
  return cost;
}

const wait_ms = millisecondsOf(WAIT_S);

/** Whether a text says that a task has ended: an answer of the tool, or the message of late results. */
function tellsEnd(text: string, id: string): boolean {
  if (text.startsWith("Results of")) return text.includes(id);
  const after = text.split(`"task_id":"${id}"`)[1]?.split('"outcome":')[1];
  return after !== undefined && !after.startsWith("null");
}
