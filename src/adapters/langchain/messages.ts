import { HumanMessage } from "langchain";
import type { FollowUpMarker } from "../../follow-up/message.ts";
import { asMarker, type LateResults, messageIdOf, newAmong } from "../shared/follow-ups.ts";
import { addressOf, carried } from "../shared/views.ts";
import type { MessageLike } from "./like.ts";

/**
 * Late results as what `agent.invoke` and `agent.stream` take: one message, in the role of the user. Its id is
 * made of the follow-ups' ids, so that a thread never holds the same one twice.
 *
 * Give it the messages that the thread holds, and it leaves out what is among them: a delivery can come again
 * after a crash, and with others than before. `null`: all of it is there already. To LangGraph that is an input
 * as well: it goes on with a turn that had died, and does nothing where none had.
 *
 * @example
 * ```ts
 * import { AIMessage, createAgent, fakeModel } from "langchain";
 * import { MemorySaver } from "@langchain/langgraph";
 * import { BackgroundTaskManager } from "tool-offload";
 * import { toInput } from "tool-offload/adapters/langchain";
 * import { FollowUpDispatcher } from "tool-offload/follow-up";
 *
 * const tasks = new BackgroundTaskManager();
 * const model = fakeModel().respond(new AIMessage("The report is ready."));
 * const agent = createAgent({ model, tools: [], checkpointer: new MemorySaver() });
 *
 * const dispatcher = new FollowUpDispatcher({
 *   tasks,
 *   async deliver(delivery) {
 *     const config = { configurable: { thread_id: delivery.scope.sessionId } };
 *     const { values } = await agent.graph.getState(config);
 *     // recursionLimit bounds the steps of this turn, which nobody has asked for.
 *     const input = toInput(delivery, values.messages);
 *     await agent.invoke(input, { ...config, signal: delivery.signal, recursionLimit: 25 });
 *   },
 * });
 * dispatcher.start();
 *
 * const scope = { userId: "ada", sessionId: "thread-1" };
 * const delivered = new Promise((resolve) => tasks.once("follow_up.delivered", resolve));
 * await tasks.start({ toolName: "report", input: {}, scope }, () => "12 pages");
 * await delivered;
 * const { values } = await agent.graph.getState({ configurable: { thread_id: "thread-1" } });
 * console.log(values.messages.at(-1).text); // "The report is ready."
 * await dispatcher.stop();
 * await tasks.close();
 * ```
 */
export function toInput(
  late: LateResults,
  messages: readonly MessageLike[] = [],
): { messages: HumanMessage[] } | null {
  const message = newsMessage(late, messages);
  return message === undefined ? null : { messages: [message] };
}

/**
 * What a message tells of late results; `undefined` for every other message. A page draws a message that has
 * it as a notice, and not as the user's words.
 *
 * @example
 * ```ts
 * import { HumanMessage } from "langchain";
 * import { followUpOf } from "tool-offload/adapters/langchain";
 *
 * console.log(followUpOf(new HumanMessage("Hello."))); // undefined
 * ```
 */
export function followUpOf(message: MessageLike): FollowUpMarker | undefined {
  return asMarker(message?.additional_kwargs?.[MARKER_KEY]);
}

/** Those that no message tells of yet, as one message; `undefined` where there is none. */
export function newsMessage(late: LateResults, messages: readonly MessageLike[]): HumanMessage | undefined {
  const fresh = newAmong(late.followUps, messages, followUpOf);
  if (fresh.length === 0) return undefined;
  const { text, marker, media } = late.messageFor(fresh);
  const images = carried(media).map((part) => {
    return { type: "image_url" as const, image_url: { url: addressOf(part) } };
  });
  return new HumanMessage({
    id: messageIdOf(fresh),
    content: images.length === 0 ? text : [{ type: "text", text }, ...images],
    additional_kwargs: { [MARKER_KEY]: marker },
  });
}

const MARKER_KEY = "follow_up";
