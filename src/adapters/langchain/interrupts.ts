import { AsyncLocalStorageProviderSingleton } from "@langchain/core/singletons";
import { type AgentMiddleware, createMiddleware, type HumanMessage } from "langchain";
import pTimeout from "p-timeout";
import { systemClock, Timer } from "../../core/time/clock.ts";
import { needed, option, readOptions, type Table } from "../../core/values/options.ts";
import { invalidOption } from "../../core/values/validate.ts";
import type { FollowUpInbox } from "../../follow-up/inbox.ts";
import type { Turn } from "../../follow-up/turns/turn.ts";
import { Intake } from "../shared/intake.ts";
import { inbox, scope } from "../shared/options.ts";
import type { CheckpointerLike, MessageLike, RuntimeLike } from "./like.ts";
import { followUpOf, newsMessage } from "./messages.ts";
import type { ScopeOption } from "./options.ts";
import { outside } from "./outside.ts";
import { scopeOf } from "./scope.ts";

/** The options of {@link followUpInterrupts}. */
export interface FollowUpInterruptsOptions {
  /** Where the late results are. */
  inbox: Pick<FollowUpInbox, "claim">;
  /**
   * Whose turn it is. Without it the user is `context.userId` of the run, or else `configurable.user_id`, and
   * the session is its thread.
   */
  scope?: ScopeOption | undefined;
}

const INTERRUPTS = { inbox: needed(inbox), scope: option(scope) } satisfies Table<FollowUpInterruptsOptions>;

/** What {@link followUpInterrupts} makes: it adds nothing to an agent's state, context or tools. */
export type FollowUpInterrupts = AgentMiddleware<undefined, undefined, unknown, readonly [], readonly []>;

/**
 * Middleware for `createAgent`, beside `offloadMiddleware`. Late results that may interrupt go into the turn that
 * is running, before the model's next step. They are acknowledged once the thread's checkpoint holds them; a turn
 * of the dispatcher's does not end before that is known.
 *
 * @throws `invalid_option`, naming the option and its value; in a run, where nothing says whose turn it is, or where
 * the agent has no checkpointer
 *
 * @example
 * ```ts
 * import { MemorySaver } from "@langchain/langgraph";
 * import { AIMessage, createAgent, fakeModel, HumanMessage } from "langchain";
 * import { BackgroundTaskManager, ToolOffloadMiddleware } from "tool-offload";
 * import { followUpInterrupts, offloadMiddleware } from "tool-offload/adapters/langchain";
 * import { FollowUpInbox } from "tool-offload/follow-up";
 *
 * const tasks = new BackgroundTaskManager();
 * const offload = new ToolOffloadMiddleware({ tasks });
 * const inbox = new FollowUpInbox({ tasks });
 * const agent = createAgent({
 *   model: fakeModel().respond(new AIMessage("Good morning.")),
 *   tools: [],
 *   middleware: [offloadMiddleware({ offload }), followUpInterrupts({ inbox })],
 *   checkpointer: new MemorySaver(),
 * });
 *
 * const config = { configurable: { user_id: "ada", thread_id: "thread-1" } };
 * const { messages } = await agent.invoke({ messages: [new HumanMessage("Hello.")] }, config);
 * console.log(messages.at(-1)?.text); // "Good morning."
 * await tasks.close();
 * ```
 */
export function followUpInterrupts(options: FollowUpInterruptsOptions): FollowUpInterrupts {
  const beforeModel = interrupting(readOptions(INTERRUPTS, options));
  return createMiddleware({ name: "FollowUpInterrupts", beforeModel: beforeModel as never });
}

function interrupting({ scope, inbox }: FollowUpInterruptsOptions): BeforeModel {
  return async ({ messages }, runtime) => {
    const kept = keptBy(runtime);
    const own = scopeOf(scope, withContext(runtime));
    return outside(async () => {
      const intake = new Intake<MessageLike>(inbox, followUpOf);
      const late = await intake.take(own, "turn");
      if (late === undefined) return undefined;
      const message = await intake.orGiveBack(() => newsMessage(late, messages));
      settleOnceKept(intake, kept, late.turn, runtime.signal).catch(() => intake.giveBack());
      return message && { messages: [message] };
    });
  };
}

interface Step extends RuntimeLike {
  readonly signal?: AbortSignal | undefined;
}

type BeforeModel = (
  state: { messages: readonly MessageLike[] },
  runtime: Step,
) => Promise<{ messages: HumanMessage[] } | undefined>;

/** Where a run has the checkpointer that it goes by. */
const CHECKPOINTER = "__pregel_checkpointer";
const FIRST_LOOK_MS = 5;
const LONGEST_WAIT_MS = 1_000;
const GIVE_UP_MS = 60_000;
/** A checkpointer that does not answer must not hold the end of a turn up for ever. */
const ANSWERED_WITHIN_MS = 10_000;

/** Hooks see only what of the context their middleware has a schema for. */
function withContext(runtime: Step): RuntimeLike {
  const config: { context?: unknown } | undefined = AsyncLocalStorageProviderSingleton.getRunnableConfig();
  return { ...runtime, context: config?.context ?? runtime.context };
}

/**
 * A message is safe once the thread's checkpoint holds it. When that is depends on the run's `durability`, and a run that
 * fails in between tells no hook: so the checkpointer is asked. What it never comes to hold goes back, and so does what
 * it holds only later: then it is found in the thread when it comes again.
 */
async function settleOnceKept(
  intake: Intake<MessageLike>,
  kept: Kept,
  turn: Turn | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  // The run is part of the turn: by then it has written what it ever will.
  turn?.beforeEnd(() => intake.settle(kept));
  const giveUpAt = performance.now() + GIVE_UP_MS;
  for (let waitMs = FIRST_LOOK_MS; !intake.isEmpty; waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
    const isLastLook = turn === undefined && (signal?.aborted === true || performance.now() >= giveUpAt);
    await sleep(waitMs);
    if (isLastLook) await intake.settle(kept);
    else await intake.acknowledge(await kept().catch(() => []));
  }
}

/** Holds no process back. */
function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => void new Timer(systemClock, resolve, ms).unref());
}

/** The messages of a run's thread, as far as they are written. */
type Kept = () => Promise<readonly MessageLike[]>;

function keptBy({ configurable = {} }: Step): Kept {
  const saver = configurable[CHECKPOINTER] as CheckpointerLike | undefined;
  if (typeof saver?.getTuple !== "function") {
    throw invalidOption("checkpointer", "given to createAgent where results may interrupt", saver);
  }
  const { thread_id, checkpoint_ns = "" } = configurable as { thread_id: string; checkpoint_ns?: string };
  // The last part of the namespace is that of the hook itself.
  const ownNs = checkpoint_ns.split("|").slice(0, -1).join("|");
  const config = { configurable: { thread_id, checkpoint_ns: ownNs } };
  return async () => {
    const tuple = await pTimeout(saver.getTuple(config), { milliseconds: ANSWERED_WITHIN_MS });
    return (tuple?.checkpoint.channel_values.messages ?? []) as MessageLike[];
  };
}
