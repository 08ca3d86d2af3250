import type { TaskInfo } from "../../core/model/task.ts";
import type { FollowUp } from "../../follow-up/follow-up.ts";
import type { FollowUpMarker, FollowUpMessage } from "../../follow-up/message.ts";
import { asMarker, type LateResults, messageIdOf, newAmong } from "../shared/follow-ups.ts";
import { addressOf, carried } from "../shared/views.ts";
import type { MessageLike } from "./like.ts";

/** What the framework lets a part carry along: providers ignore what is not theirs. */
export type MarkerOptions = { toolOffload: FollowUpMarker & Record<string, never> };

/** A follow-up as a message for the model: its text, and the images and files that the tools have shown. */
export type FollowUpModelMessage = {
  role: "user";
  content: (
    | { type: "text"; text: string; providerOptions: MarkerOptions }
    | { type: "file"; mediaType: string; data: string }
  )[];
};

/** A follow-up as a message of a chat page. */
export type FollowUpUIMessage = {
  id: string;
  role: "user";
  parts: (
    | { type: "text"; text: string; providerMetadata: MarkerOptions }
    | { type: "file"; mediaType: string; url: string }
  )[];
};

/** A task as a part of a page's message. A later part with the same `id` replaces it. */
export type TaskPart = { type: "data-task"; id: string; data: TaskPartData };
/** All that is known of a task but the host's own `metadata`. */
export type TaskPartData = Omit<TaskInfo, "metadata">;
/** For the second type argument of `UIMessage`. */
export type TaskDataParts = { task: TaskPartData };

/**
 * The message that tells a model of late results. What the conversation holds already is left out, so that a
 * delivery that comes a second time says nothing twice.
 *
 * @param messages the conversation so far, in the model's form or the page's
 * @returns `undefined` where the conversation holds all of it
 * @example With a dispatcher and an agent of yours
 * ```ts
 * import { generateText, isStepCount, type ModelMessage, type ToolSet } from "ai";
 * import type { BackgroundTaskManager } from "tool-offload";
 * import { toModelMessage } from "tool-offload/adapters/ai-sdk";
 * import { FollowUpDispatcher } from "tool-offload/follow-up";
 *
 * declare const tasks: BackgroundTaskManager;
 * declare const tools: ToolSet;
 * declare const chats: {
 *   read(sessionId?: string): Promise<ModelMessage[]>;
 *   append(sessionId: string | undefined, messages: ModelMessage[]): Promise<void>;
 * };
 *
 * new FollowUpDispatcher({
 *   tasks,
 *   async deliver(delivery) {
 *     const { sessionId } = delivery.scope;
 *     const messages = await chats.read(sessionId);
 *     const news = toModelMessage(delivery, messages);
 *     if (news === undefined) return; // a delivery that was interrupted after it was saved
 *     const { responseMessages } = await generateText({
 *       model: "openai/gpt-5.2",
 *       tools,
 *       messages: [...messages, news],
 *       stopWhen: isStepCount(5),
 *       abortSignal: delivery.signal,
 *     });
 *     await chats.append(sessionId, [news, ...responseMessages]);
 *   },
 * }).start();
 * ```
 */
export function toModelMessage(
  late: LateResults,
  messages: readonly MessageLike[] = [],
): FollowUpModelMessage | undefined {
  const told = freshIn(late, messages);
  if (told === undefined) return undefined;
  const providerOptions = optionsOf(told.marker);
  const files = filesOf(told).map(({ url: data, ...file }) => ({ ...file, data }));
  return { role: "user", content: [{ type: "text", text: told.text, providerOptions }, ...files] };
}

/**
 * The same in the page's form. `convertToModelMessages` keeps the mark.
 *
 * @returns `undefined` where the conversation holds all of it
 */
export function toUIMessage(
  late: LateResults,
  messages: readonly MessageLike[] = [],
): FollowUpUIMessage | undefined {
  const told = freshIn(late, messages);
  if (told === undefined) return undefined;
  const providerMetadata = optionsOf(told.marker);
  const id = messageIdOf(told.fresh);
  const text = { type: "text", text: told.text, providerMetadata } as const;
  return { id, role: "user", parts: [text, ...filesOf(told)] };
}

/**
 * What a message of late results tells of, or `undefined` for any other message. A page draws those it answers
 * for as a notice, and not as the user's words. It takes both forms of a message.
 *
 * @example
 * ```ts
 * import { followUpOf } from "tool-offload/adapters/ai-sdk";
 *
 * const said = { role: "user", content: "Where is my report?" };
 * console.log(followUpOf(said)); // undefined
 * ```
 */
export function followUpOf(message: MessageLike): FollowUpMarker | undefined {
  if (message?.role !== "user") return undefined;
  const parts = message.content ?? message.parts;
  if (!Array.isArray(parts)) return undefined;
  for (const part of parts) {
    const marker = asMarker(part?.providerOptions?.toolOffload ?? part?.providerMetadata?.toolOffload);
    if (marker !== undefined) return marker;
  }
  return undefined;
}

/**
 * A task as a data part, for a page that shows it. The model is never shown data parts.
 *
 * @example With a stream that a page reads
 * ```ts
 * import type { UIMessage, UIMessageStreamWriter } from "ai";
 * import type { BackgroundTaskManager, TaskScope } from "tool-offload";
 * import { type TaskDataParts, taskPart } from "tool-offload/adapters/ai-sdk";
 *
 * type ChatMessage = UIMessage<unknown, TaskDataParts>;
 *
 * export async function show(
 *   tasks: BackgroundTaskManager,
 *   scope: TaskScope,
 *   writer: UIMessageStreamWriter<ChatMessage>,
 *   signal: AbortSignal,
 * ) {
 *   for await (const { task } of tasks.watch(scope, { signal })) writer.write(taskPart(task));
 * }
 * ```
 */
export function taskPart(task: TaskInfo): TaskPart {
  const { metadata: _, ...data } = task;
  return { type: "data-task", id: task.id, data };
}

/** What the conversation has not been told, and its message. */
type Fresh = FollowUpMessage & { fresh: readonly FollowUp[] };

function freshIn(late: LateResults, messages: readonly MessageLike[]): Fresh | undefined {
  const fresh = newAmong(late.followUps, messages, followUpOf);
  return fresh.length === 0 ? undefined : { fresh, ...late.messageFor(fresh) };
}

function filesOf({ media }: Fresh): { type: "file"; mediaType: string; url: string }[] {
  return carried(media).map((part) => ({ type: "file", mediaType: part.mediaType, url: addressOf(part) }));
}

/** It is plain JSON, which an interface cannot say of itself. */
function optionsOf(marker: FollowUpMarker): MarkerOptions {
  return { toolOffload: marker as MarkerOptions["toolOffload"] };
}
