import { TaskOffloadError } from "../../core/errors.ts";
import type { TaskScope } from "../../core/model/task.ts";
import { func, kind } from "../../core/values/kinds.ts";
import { option, readOptions, type Table } from "../../core/values/options.ts";
import { invalidOption } from "../../core/values/validate.ts";
import type { Delivery } from "../../follow-up/turns/turn.ts";
import type { MemoryLike, SignalAgentLike, SignalLike, ThreadLike } from "./like.ts";
import { lookInto, signalOf } from "./messages.ts";

/** The options of {@link sendFollowUps}. */
export interface SendFollowUpsOptions {
  /**
   * Options of the turn, as for `agent.stream`, or what makes them for a delivery. `maxSteps` bounds a turn that
   * nobody has asked for; `requestContext` is what its tools are given.
   */
  streamOptions?: StreamOptions | ((delivery: Delivery) => StreamOptions) | undefined;
  /** Where a session's thread is. Without it: resource = user, thread = session. */
  thread?: ((scope: TaskScope) => ThreadLike) | undefined;
  /** Whether a turn runs that Mastra does not know of: `generate` is no run of the thread to it, `stream` is. */
  isBusy?: ((scope: TaskScope) => boolean) | undefined;
}

const SEND_FOLLOW_UPS = {
  streamOptions: option(kind("an object or a function", isObjectOrFunction)),
  thread: option(func()),
  isBusy: option(func()),
} satisfies Table<SendFollowUpsOptions>;

/**
 * The `deliver` of a dispatcher: sends late results to their thread as a signal, which wakes it for a turn.
 *
 * While a turn runs in the thread it answers "busy": Mastra would take the signal into that turn, and keeps it only
 * in this process until the turn has ended. It resolves once the turn has ended and is kept. A thread that
 * has been deleted is "gone". What the thread holds already is not told again, and a turn that failed is run again
 * on the message that it left.
 *
 * @param agent the agent whose threads they are; it needs a memory
 * @throws `invalid_option`, naming the option and its value. A delivery rejects with the turn's error
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
): (delivery: Delivery) => Promise<"busy" | "gone" | undefined> {
  const options = checked(agent, given);
  return async (delivery) => {
    const thread = threadFor(delivery.scope, options);
    const streamOptions = streamOptionsFor(delivery, options);
    const memory = await memoryFor(agent, streamOptions);
    if ((await memory.getThreadById({ threadId: thread.threadId })) === null) return "gone";
    const { news, unanswered } = await lookInto(memory, thread, delivery.followUps);
    if (news.length === 0 && unanswered === undefined) return undefined;
    const signal =
      news.length > 0 ? signalOf(delivery, news) : signalOf(delivery, delivery.followUps, unanswered);
    if (options.isBusy?.(delivery.scope)) return "busy";
    return turn(agent, thread, signal, { ...streamOptions, abortSignal: delivery.signal });
  };
}

type StreamOptions = Record<string, unknown>;

function isObjectOrFunction(value: unknown): boolean {
  return typeof value === "function" || (typeof value === "object" && value !== null);
}

async function turn(
  agent: SignalAgentLike,
  thread: ThreadLike,
  signal: SignalLike,
  streamOptions: { abortSignal: AbortSignal },
): Promise<"busy" | undefined> {
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
    return "busy";
  }
  const { error } = await accepted.output.getFullOutput();
  streamOptions.abortSignal.throwIfAborted();
  if (error !== undefined) throw error;
  return undefined;
}

function threadFor(scope: TaskScope, { thread }: SendFollowUpsOptions): ThreadLike {
  if (thread !== undefined) return thread(scope);
  const { userId: resourceId, sessionId: threadId } = scope;
  if (threadId !== undefined) return { resourceId, threadId };
  const fault = "These tasks have no sessionId, so there is no thread to tell: give the option thread.";
  throw new TaskOffloadError("invalid_input", fault);
}

function streamOptionsFor(delivery: Delivery, { streamOptions }: SendFollowUpsOptions): StreamOptions {
  return (typeof streamOptions === "function" ? streamOptions(delivery) : streamOptions) ?? {};
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
