import { TaskOffloadError } from "../../core/errors.ts";
import type { TaskScope } from "../../core/model/task.ts";
import { func, kind } from "../../core/values/kinds.ts";
import { option, readOptions, type Table } from "../../core/values/options.ts";
import { invalidOption } from "../../core/values/validate.ts";
import type { Turn } from "../../follow-up/turns/turn.ts";
import type { MemoryLike, SignalAgentLike, SignalLike, ThreadLike } from "./like.ts";
import { lookInto, signalOf } from "./messages.ts";

/** The options of {@link sendFollowUps}. */
export interface SendFollowUpsOptions {
  /**
   * Options of Mastra's turn, as for `agent.stream`, or what makes them for a turn. `maxSteps` bounds one that
   * nobody has asked for; `requestContext` is what its tools are given.
   */
  streamOptions?: StreamOptions | ((turn: Turn) => StreamOptions) | undefined;
  /** Where a session's thread is. Without it: resource = user, thread = session. */
  thread?: ((scope: TaskScope) => ThreadLike) | undefined;
}

const SEND_FOLLOW_UPS = {
  streamOptions: option(kind("an object or a function", isObjectOrFunction)),
  thread: option(func()),
} satisfies Table<SendFollowUpsOptions>;

/**
 * For turns in which nobody has said anything: sends the late results to their thread as a signal, which wakes it. A
 * turn of the user's needs none of it: there `followUpInterrupts` takes in what waits.
 *
 * It resolves once Mastra's turn has ended and is kept. A turn that Mastra runs in the thread without a dispatcher
 * makes the session busy: Mastra would take the signal into that turn, and keeps it only in this process until the
 * turn has ended. A thread that has been deleted is gone. What the thread holds already is not told again, and a turn
 * that failed is run again on the message that it left.
 *
 * @param agent the agent whose threads they are; it needs a memory
 * @throws `invalid_option`, naming the option and its value. What it makes rejects with the error of Mastra's turn
 * @example With an agent
 * ```ts
 * import { BackgroundTaskManager } from "tool-offload";
 * import { type SignalAgentLike, sendFollowUps } from "tool-offload/adapters/mastra";
 * import { FollowUpDispatcher } from "tool-offload/follow-up";
 *
 * declare const agent: SignalAgentLike; // new Agent({ …, memory, tools: offloadTools(…) })
 *
 * const tasks = new BackgroundTaskManager();
 * const deliver = sendFollowUps(agent, { streamOptions: { maxSteps: 10 } });
 * new FollowUpDispatcher({ tasks, deliver }).start();
 * ```
 */
export function sendFollowUps(
  agent: SignalAgentLike,
  given: SendFollowUpsOptions = {},
): (turn: Turn) => Promise<void> {
  const options = checked(agent, given);
  return async (turn) => {
    if (turn.followUps.length === 0) return;
    const thread = threadFor(turn.scope, options);
    const streamOptions = streamOptionsFor(turn, options);
    const memory = await memoryFor(agent, streamOptions);
    if ((await memory.getThreadById({ threadId: thread.threadId })) === null) return turn.gone();
    const { news, unanswered } = await lookInto(memory, thread, turn.followUps);
    if (news.length === 0 && unanswered === undefined) return;
    const signal = news.length > 0 ? signalOf(turn, news) : signalOf(turn, turn.followUps, unanswered);
    const hasRun = await wake(agent, thread, signal, { ...streamOptions, abortSignal: turn.signal });
    if (!hasRun) turn.busy();
  };
}

type StreamOptions = Record<string, unknown>;

function isObjectOrFunction(value: unknown): boolean {
  return typeof value === "function" || (typeof value === "object" && value !== null);
}

/** Runs a turn on a signal. False: another runs there. @throws what the turn fails with */
async function wake(
  agent: SignalAgentLike,
  thread: ThreadLike,
  signal: SignalLike,
  streamOptions: { abortSignal: AbortSignal },
): Promise<boolean> {
  const target = {
    ...thread,
    ifActive: { behavior: "discard" },
    ifIdle: { behavior: "wake", streamOptions },
  } as const;
  const accepted = await agent.sendSignal(signal, target).accepted;
  if (accepted.action !== "wake") {
    // A turn runs. Or the signal lies in a queue, or is lost with a turn that has just ended: if it gets into the
    // thread after all, the next delivery finds it there.
    agent.cancelQueuedMessages({ ...thread, signalIds: [signal.id] });
    return false;
  }
  const { error } = await accepted.output.getFullOutput();
  streamOptions.abortSignal.throwIfAborted();
  if (error !== undefined) throw error;
  return true;
}

function threadFor(scope: TaskScope, { thread }: SendFollowUpsOptions): ThreadLike {
  if (thread !== undefined) return thread(scope);
  const { userId: resourceId, sessionId: threadId } = scope;
  if (threadId !== undefined) return { resourceId, threadId };
  const fault = "These tasks have no sessionId, so there is no thread to tell: give the option thread.";
  throw new TaskOffloadError("invalid_input", fault);
}

function streamOptionsFor(turn: Turn, { streamOptions }: SendFollowUpsOptions): StreamOptions {
  return (typeof streamOptions === "function" ? streamOptions(turn) : streamOptions) ?? {};
}

async function memoryFor(agent: SignalAgentLike, { requestContext }: StreamOptions): Promise<MemoryLike> {
  const memory = await agent.getMemory({ requestContext });
  if (memory !== undefined) return memory;
  throw new TaskOffloadError("not_supported", "The agent has no memory, so it has no thread to be told in.");
}

/** The options, once the agent is sound too. */
function checked(agent: SignalAgentLike, options: SendFollowUpsOptions): SendFollowUpsOptions {
  if (typeof agent?.sendSignal !== "function") throw invalidOption("agent", "an Agent of Mastra", agent);
  return readOptions(SEND_FOLLOW_UPS, options);
}
