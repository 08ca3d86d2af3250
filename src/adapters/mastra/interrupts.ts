import { func, type Kind } from "../../core/values/kinds.ts";
import { needed, option, readOptions, type Table } from "../../core/values/options.ts";
import type { FollowUpInbox } from "../../follow-up/inbox.ts";
import { type LateResults, newAmong } from "../shared/follow-ups.ts";
import { Intake } from "../shared/intake.ts";
import { inbox, scope } from "../shared/options.ts";
import type { InputStepLike, MemoryLike, ProcessorLike, ThreadLike } from "./like.ts";
import { followUpOf, messagesSince, signalOf } from "./messages.ts";
import type { ScopeOption } from "./options.ts";
import { memoryOf, scopeOf } from "./scope.ts";

/** The options of {@link followUpInterrupts}. */
export interface FollowUpInterruptsOptions {
  /** Where the late results are. */
  inbox: Pick<FollowUpInbox, "claim">;
  /** The agent's memory: what a turn has taken in is written there before it is acknowledged. */
  memory: MemoryLike;
  /** Whose results they are. Without it: user = resource, session = thread of the run. */
  scope?: ScopeOption | undefined;
}

const PROCESSOR = {
  inbox: needed(inbox),
  memory: needed(memory),
  scope: option(scope),
} satisfies Table<FollowUpInterruptsOptions>;

/**
 * An input processor that takes late results into the turn that asks: when it begins, everything that waits; at
 * each later step, what may interrupt it. It serves `generate` and `stream` alike.
 *
 * No store and no memory that fails breaks a turn: what it cannot take in is released, and comes again. A store
 * that does not answer is waited for a second at most once the results are in the memory.
 *
 * @throws `invalid_option`, naming the option and its value. Where `scope` is a function that answers none, so does
 * the turn: that is an error of the host's code
 * @example With an agent
 * ```ts
 * import { BackgroundTaskManager } from "tool-offload";
 * import { followUpInterrupts, type MemoryLike } from "tool-offload/adapters/mastra";
 * import { FollowUpInbox } from "tool-offload/follow-up";
 *
 * declare const memory: MemoryLike; // new Memory({ storage })
 *
 * const inbox = new FollowUpInbox({ tasks: new BackgroundTaskManager() });
 * const inputProcessors = [followUpInterrupts({ inbox, memory })];
 * // new Agent({ …, memory, inputProcessors })
 * ```
 */
export function followUpInterrupts(options: FollowUpInterruptsOptions): ProcessorLike {
  const { inbox, memory, scope } = readOptions(PROCESSOR, options);
  return {
    id: "tool-offload-follow-ups",
    async processInputStep(step) {
      const thread = threadOf(step);
      if (thread === undefined) return undefined;
      const during = step.stepNumber === 0 ? "idle" : "turn";
      const intake = new Intake<unknown>(inbox, followUpOf);
      const late = await intake.take(scopeOf(scope, step), during);
      if (late !== undefined) await intake.settle(() => keep(late, memory, thread, step));
      return undefined;
    },
  };
}

function memory(...[value, name, code]: Parameters<Kind<MemoryLike>>): MemoryLike {
  func()((value as MemoryLike | null)?.saveMessages, `${name}.saveMessages`, code);
  return value as MemoryLike;
}

/** Puts it into the turn and its thread. Answers what tells of it there. @throws what the memory throws */
async function keep(late: LateResults, memory: MemoryLike, thread: ThreadLike, step: InputStepLike) {
  const messages = await messagesSince(memory, thread, late.followUps);
  const news = newAmong(late.followUps, messages, followUpOf);
  if (news.length === 0) return messages;
  const signal = await step.sendSignal?.(signalOf(late, news));
  const message = signal?.toDBMessage(thread);
  // Mastra keeps it when the turn has ended. A second time changes nothing.
  await memory.saveMessages({ messages: [message as never] });
  return [...messages, message];
}

/** A run without a thread, or a framework that cannot be told, has nothing to take in. */
function threadOf({ requestContext, sendSignal }: InputStepLike): ThreadLike | undefined {
  const { resourceId, threadId } = memoryOf({ requestContext });
  if (resourceId === undefined || threadId === undefined || sendSignal === undefined) return undefined;
  return { resourceId, threadId };
}
