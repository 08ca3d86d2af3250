import type { TaskScope } from "../../core/model/task.ts";
import { needed, readOptions, type Table } from "../../core/values/options.ts";
import type { FollowUpInbox } from "../../follow-up/inbox.ts";
import { tellsOfAny, toldIn } from "../shared/follow-ups.ts";
import { Intake } from "../shared/intake.ts";
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
  const intake = new Intake<MessageLike>(inbox, followUpOf);
  const injections: Injection[] = [];

  async function prepared<M extends MessageLike>(step: StepLike<M>) {
    const messages = carried(step, injections);
    const news = await inject(step, messages);
    return messages === step.messages && news.length === 0 ? undefined : { messages: [...messages, ...news] };
  }

  async function inject(step: StepLike<MessageLike>, messages: readonly MessageLike[]) {
    const late = await intake.take(scope, "turn");
    if (late === undefined) return [];
    const message = toModelMessage(late, messages);
    // The framework carries on what has come in, but nothing may have kept it yet.
    const open = injections.filter(({ isKept }) => !isKept);
    await intake.acknowledge(messages.filter((one) => !open.some((other) => isOf(other, one))));
    if (message === undefined) return [];
    injections.push({ message, at: responsesOf(step).length, isKept: false });
    return [message];
  }

  return {
    prepareStep: (step) => intake.orGiveBack(() => prepared(step)),
    async save<M extends MessageLike, R>(
      responseMessages: readonly M[],
      write: (messages: (M | FollowUpModelMessage)[]) => R | PromiseLike<R>,
    ) {
      const answered = injections.filter(({ at }) => at < responseMessages.length);
      const messages = woven(responseMessages, answered, 0);
      const written = await intake.orGiveBack(() => write([...messages]));
      for (const injection of answered) injection.isKept = true;
      await intake.settle(() => messages);
      return written;
    },
    release: () => intake.giveBack(),
  };
}

interface Injection {
  message: FollowUpModelMessage;
  /** How many of the turn's messages were there before it. */
  at: number;
  /** The host has written it. */
  isKept: boolean;
}

function isOf({ message }: Injection, other: MessageLike): boolean {
  return tellsOfAny(followUpOf(message)?.tasks ?? [], other, followUpOf);
}

/** In `ai` 6 a step's messages do not carry on to the next, and so have to be put in again. */
function carried<M extends MessageLike>(
  step: StepLike<M>,
  injections: readonly Injection[],
): (M | FollowUpModelMessage)[] {
  if (step.responseMessages !== undefined || injections.length === 0) return step.messages;
  const isTold = toldIn(step.messages, followUpOf);
  const isMissing = ({ message }: Injection) => !followUpOf(message)?.tasks.some(isTold);
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
