import { sign } from "../../core/copies.ts";
import { methods, object } from "../../core/values/kinds.ts";
import { needed, option, readArgument, readOptions, type Table } from "../../core/values/options.ts";
import type { FollowUpInbox } from "../../follow-up/inbox.ts";
import { newAmong } from "../shared/follow-ups.ts";
import { Intake } from "../shared/intake.ts";
import { inbox, type ScopeFor, scope, scopeFor } from "../shared/options.ts";
import type { RunContextLike, RunStateLike, SessionLike } from "./like.ts";
import { followUpOf, toInput } from "./messages.ts";

/** The options of {@link followUpInterrupts}. */
export interface FollowUpInterruptsOptions<Context = unknown> {
  /** Where the late results are. */
  inbox: Pick<FollowUpInbox, "claim">;
  /** Whose turn it is, or what tells it from the `context` that was given to `run`. */
  scope: ScopeFor<Context>;
}

const INTERRUPT = { inbox: needed(inbox), scope: needed(scope) } satisfies Table<FollowUpInterruptsOptions>;

/** A turn that results may interrupt. */
export interface InterruptibleTurn {
  /** The context that `state` was made with. */
  runContext: RunContextLike;
  /** The state that is run. */
  state: RunStateLike;
  /** Where the turn is kept. @default none: then the host keeps `state`, once the turn has ended without an error */
  session?: Pick<SessionLike, "getItems"> | undefined;
}

const TURN = {
  runContext: needed(object()),
  state: needed(object()),
  session: option(methods("a session", ["getItems"])),
} satisfies Table<InterruptibleTurn>;

/** What lets results interrupt turns: for {@link afterTools}, and around each turn. */
export interface FollowUpInterrupts {
  /**
   * Takes in what waits, at a step of a turn. `afterTools` calls it. A store that fails stops no turn.
   *
   * @throws `invalid_option` where `scope` is a function that answers none
   */
  step(runContext: RunContextLike): Promise<void>;
  /**
   * Runs a turn, and acknowledges what it has taken in; what it has not comes again. Without a session, a turn that
   * throws has taken in nothing. It waits for the store for a second at most: what is not settled by then is so later.
   *
   * @throws what the turn throws; `invalid_input`
   */
  during<T>(turn: InterruptibleTurn, run: () => Promise<T>): Promise<T>;
}

/**
 * Lets the results of tools whose `followUp` is `"interrupt"` into the running turn, at its next step: as input
 * of its `RunState`. So the turn has to be run from a state that the host has made, and what the user said has
 * to be in the session before: see the example. A turn that is run in another way is not interrupted; its
 * results come in a turn of their own.
 *
 * @throws `invalid_option`, naming the option and its value
 * @example
 * ```ts
 * import { Agent, MemorySession, RunContext, RunState, run } from "@openai/agents";
 * import { assistantMessage, ScriptedModel } from "@openai/agents/testing";
 * import { BackgroundTaskManager } from "tool-offload";
 * import { afterTools, followUpInterrupts } from "tool-offload/adapters/openai-agents";
 * import { FollowUpInbox } from "tool-offload/follow-up";
 *
 * const tasks = new BackgroundTaskManager();
 * const scope = { userId: "ada", sessionId: "chat-7" };
 * const interrupts = followUpInterrupts({ inbox: new FollowUpInbox({ tasks }), scope });
 * const agent = new Agent({
 *   name: "Builder",
 *   model: new ScriptedModel([[assistantMessage("Built.")]]),
 *   toolUseBehavior: afterTools("run_llm_again", interrupts),
 * });
 * const session = new MemorySession();
 *
 * await session.addItems([{ role: "user", content: "Build it." }]);
 * const runContext = new RunContext();
 * const state = new RunState(runContext, await session.getItems(), agent, 10);
 * const turn = { runContext, state, session };
 * const result = await interrupts.during(turn, () => run(agent, state, { session }));
 * console.log(result.finalOutput); // "Built."
 * await tasks.close();
 * ```
 */
export function followUpInterrupts<Context = unknown>(
  options: FollowUpInterruptsOptions<Context>,
): FollowUpInterrupts {
  return new Interruptions(readOptions(INTERRUPT, options));
}

class Interruptions implements FollowUpInterrupts {
  readonly #options: FollowUpInterruptsOptions;
  readonly #turns = new WeakMap<RunContextLike, { state: RunStateLike; intake: Intake<object> }>();

  constructor(options: FollowUpInterruptsOptions) {
    this.#options = options;
    sign(this);
  }

  async step(runContext: RunContextLike): Promise<void> {
    const turn = this.#turns.get(runContext);
    if (turn === undefined) return;
    const { state, intake } = turn;
    const late = await intake.take(scopeFor(this.#options.scope, runContext?.context), "turn");
    if (late === undefined) return;
    try {
      const fresh = newAmong(late.followUps, state.history, followUpOf);
      if (fresh.length > 0) state.addInput(toInput({ message: late.messageFor(fresh) }));
    } catch {
      // No step is left in this turn. It is not in the history, so it is given back at the end.
    }
  }

  async during<T>(turn: InterruptibleTurn, run: () => Promise<T>): Promise<T> {
    const { runContext, state, session } = readArgument(TURN, turn, "turn", "turn.");
    const intake = new Intake<object>(this.#options.inbox, followUpOf);
    this.#turns.set(runContext, { state, intake });
    let hasEnded = false;
    try {
      const result = await run();
      hasEnded = true;
      return result;
    } finally {
      this.#turns.delete(runContext);
      await intake.settle(() => (session ? session.getItems() : hasEnded ? state.history : []));
    }
  }
}
