import type { TaskScope } from "../../core/model/task.ts";
import { needed, readOptions, type Table } from "../../core/values/options.ts";
import type { FollowUpClaim, FollowUpInbox } from "../../follow-up/inbox.ts";
import { noneIfStoreFailed, settled, toldIn } from "../shared/follow-ups.ts";
import { inbox, soundScope } from "../shared/options.ts";
import type { MessageLike } from "./like.ts";
import { type FollowUpModelMessage, followUpOf, toModelMessage } from "./messages.ts";

/** The options of {@link followUpInterrupts}. */
export interface FollowUpInterruptsOptions {
  /** Where the late results are. */
  inbox: Pick<FollowUpInbox, "claim">;
  /** Whose turn it is. */
  scope: TaskScope;
}

const INTERRUPTS = {
  inbox: needed(inbox),
  scope: needed((value) => soundScope(value as TaskScope)),
} satisfies Table<FollowUpInterruptsOptions>;

/** What `prepareStep` is told, as far as it is looked at. */
export interface StepLike<M> {
  messages: M[];
  steps: readonly { response: { messages: readonly unknown[] } }[];
  /** Not in `ai` 6. */
  responseMessages?: readonly unknown[];
}

/** The follow-ups that come into one turn. */
export interface FollowUpInterrupts {
  /** For the option of the same name: shows the model what may interrupt the turn. A store that fails stops no turn. */
  prepareStep<M extends MessageLike>(
    step: StepLike<M>,
  ): Promise<{ messages: (M | FollowUpModelMessage)[] } | undefined>;
  /**
   * Keeps the turn: hands `write` its messages with the follow-ups in their places, and acknowledges those once
   * `write` has succeeded. Those that no step has answered are left out, and come again. May be called after each
   * step, with all messages so far. It waits for the store for a second at most: what is not acknowledged by then
   * is so later.
   *
   * @param responseMessages `result.responseMessages`; in `ai` 6, `result.response.messages`
   * @throws what `write` throws, and then everything comes again
   */
  save<M extends MessageLike, R>(
    responseMessages: readonly M[],
    write: (messages: (M | FollowUpModelMessage)[]) => R | PromiseLike<R>,
  ): Promise<R>;
  /** For a turn of which nothing is kept: everything comes again. */
  release(): Promise<void>;
}

/**
 * Lets late results of tools with `followUp: "interrupt"` into a turn that is running, at its next step. Make one
 * for each turn. The framework does not count what comes in this way among the turn's messages: `save` puts it back.
 *
 * @throws `invalid_option`, naming the option and its value
 * @example With a model
 * ```ts
 * import { generateText, isStepCount, type ModelMessage, type ToolSet } from "ai";
 * import type { TaskScope } from "tool-offload";
 * import { followUpInterrupts } from "tool-offload/adapters/ai-sdk";
 * import type { FollowUpInbox } from "tool-offload/follow-up";
 *
 * declare const inbox: FollowUpInbox;
 * declare const scope: TaskScope;
 * declare const tools: ToolSet;
 * declare const chat: { messages: ModelMessage[]; append(messages: ModelMessage[]): Promise<void> };
 *
 * const followUps = followUpInterrupts({ inbox, scope });
 * try {
 *   const { responseMessages } = await generateText({
 *     model: "openai/gpt-5.2",
 *     tools,
 *     messages: chat.messages,
 *     stopWhen: isStepCount(20),
 *     prepareStep: followUps.prepareStep,
 *   });
 *   await followUps.save(responseMessages, (messages) => chat.append(messages));
 * } catch (error) {
 *   await followUps.release();
 *   throw error;
 * }
 * ```
 */
export function followUpInterrupts(options: FollowUpInterruptsOptions): FollowUpInterrupts {
  const { inbox, scope } = readOptions(INTERRUPTS, options);
  const injections: Injection[] = [];
  const open = () => injections.filter(({ claim }) => claim !== undefined);

  async function prepareStep<M extends MessageLike>(step: StepLike<M>) {
    const messages = carried(step, injections);
    const injection = open().length > 0 ? undefined : await inject(step, messages);
    if (injection !== undefined) injections.push(injection);
    const news = injection ? [injection.message] : [];
    return messages === step.messages && news.length === 0 ? undefined : { messages: [...messages, ...news] };
  }

  async function inject(step: StepLike<MessageLike>, messages: readonly MessageLike[]) {
    const claim = await inbox.claim(scope, { during: "turn" }).catch(noneIfStoreFailed);
    const message = claim && toModelMessage(claim, messages);
    if (claim === undefined) return undefined;
    if (message !== undefined) return { message, at: responsesOf(step).length, claim, isKept: false };
    const carriedOn = injections.findLast((injection) => !injection.isKept && tellsOf(injection, claim));
    // The framework carries on what has been given back, but nothing has kept it yet.
    if (carriedOn !== undefined) carriedOn.claim = claim;
    else await settled(claim.acknowledge());
    return undefined;
  }

  async function settle(isKept: (injection: Injection) => boolean): Promise<void> {
    const settling = open().map((injection) => {
      const { claim } = injection;
      injection.claim = undefined;
      return isKept(injection) ? claim?.acknowledge() : claim?.release();
    });
    await settled(Promise.all(settling));
  }

  return {
    prepareStep,
    async save<M extends MessageLike, R>(
      responseMessages: readonly M[],
      write: (messages: (M | FollowUpModelMessage)[]) => R | PromiseLike<R>,
    ) {
      const answered = injections.filter(({ at }) => at < responseMessages.length);
      try {
        const written = await write(woven(responseMessages, answered, 0));
        for (const injection of answered) injection.isKept = true;
        await settle((injection) => answered.includes(injection));
        return written;
      } finally {
        await settle(() => false);
      }
    },
    release: () => settle(() => false),
  };
}

interface Injection {
  message: FollowUpModelMessage;
  /** How many of the turn's messages were there before it. */
  at: number;
  /** Until it is settled. */
  claim: FollowUpClaim | undefined;
  /** The host has written it. */
  isKept: boolean;
}

function tellsOf({ message }: Injection, { followUps }: FollowUpClaim): boolean {
  const told = toldIn([message], followUpOf);
  return followUps.some(({ id }) => told.has(id));
}

/** In `ai` 6 a step's messages do not carry on to the next, and so have to be put in again. */
function carried<M extends MessageLike>(
  step: StepLike<M>,
  injections: readonly Injection[],
): (M | FollowUpModelMessage)[] {
  if (step.responseMessages !== undefined || injections.length === 0) return step.messages;
  const told = toldIn(step.messages, followUpOf);
  const isMissing = ({ message }: Injection) => !followUpOf(message)?.tasks.some(({ id }) => told.has(id));
  return woven(step.messages, injections.filter(isMissing), step.messages.length - responsesOf(step).length);
}

/** The turn's messages so far. In `ai` 6 each step has those of the steps before it too. */
function responsesOf({ responseMessages, steps }: StepLike<unknown>): readonly unknown[] {
  return responseMessages ?? steps.at(-1)?.response.messages ?? [];
}

/** Each in its place, and never between a call and its result. */
function woven<M extends MessageLike>(
  messages: readonly M[],
  injections: readonly Injection[],
  offset: number,
): (M | FollowUpModelMessage)[] {
  const places = injections.map(({ at, message }) => {
    let place = offset + at;
    while (messages[place]?.role === "tool") place += 1;
    return { place, message };
  });
  const before = (index: number) =>
    places.flatMap(({ place, message }) => (place === index ? [message] : []));
  return [...messages.flatMap((message, index) => [...before(index), message]), ...before(messages.length)];
}
