import type { FollowUp } from "../../follow-up/follow-up.ts";
import type { FollowUpMarker } from "../../follow-up/message.ts";
import { asMarker, type LateResults, messageIdOf, newAmong, tellsOfAny } from "../shared/follow-ups.ts";
import { addressOf, carried } from "../shared/views.ts";
import type { MemoryLike, SignalLike, StoredMessageLike, ThreadLike } from "./like.ts";

/**
 * What a message of late results tells of, or `undefined` for any other message. A page draws those it answers for
 * as a notice, and not as the user's words. It takes a message as the memory keeps it, a `data-signal` part of a
 * stream, and a signal.
 *
 * @example
 * ```ts
 * import { followUpOf } from "tool-offload/adapters/mastra";
 *
 * const said = { role: "user", content: { format: 2, parts: [{ type: "text", text: "Where is my report?" }] } };
 * console.log(followUpOf(said)); // undefined
 * ```
 */
export function followUpOf(message: unknown): FollowUpMarker | undefined {
  const { content, data, metadata } = (message ?? {}) as {
    content?: { metadata?: { signal?: { metadata?: unknown } } } | null;
    data?: { metadata?: unknown } | null;
    metadata?: unknown;
  };
  return asMarker(content?.metadata?.signal?.metadata ?? data?.metadata ?? metadata);
}

/**
 * The same tasks have the same id: however often Mastra is given them, it keeps them once. Its metadata is the
 * marker.
 */
export function signalOf(
  { messageFor }: LateResults,
  followUps: readonly FollowUp[],
  id = messageIdOf(followUps),
): SignalLike {
  const { text, marker, media } = messageFor(followUps);
  const files = carried(media).map((part) => {
    return { type: "file" as const, data: addressOf(part), mediaType: part.mediaType };
  });
  return {
    id,
    type: "notification",
    contents: files.length === 0 ? text : [{ type: "text", text }, ...files],
    attributes: { source: "tool-offload" },
    metadata: { ...marker },
  };
}

/** By how much the clocks of two machines may differ. */
const SKEW_MS = 60_000;

/** What a thread knows of late results already. */
interface Told {
  /** Those that no message tells of. */
  news: FollowUp[];
  /** The id of a message that tells of some and has had no answer: its turn failed, or its process died. */
  unanswered: string | undefined;
}

export async function lookInto(
  memory: MemoryLike,
  thread: ThreadLike,
  followUps: readonly FollowUp[],
): Promise<Told> {
  const messages = await messagesSince(memory, thread, followUps);
  const lastAnswer = messages.findLastIndex(isAnswer);
  const open = messages.slice(lastAnswer + 1).find((message) => tellsOfAny(followUps, message, followUpOf));
  return { news: newAmong(followUps, messages, followUpOf), unanswered: open?.id };
}

/** A message about a task is younger than the task's end, so that a long thread need not be read. */
export async function messagesSince(
  memory: MemoryLike,
  thread: ThreadLike,
  followUps: readonly FollowUp[],
): Promise<readonly StoredMessageLike[]> {
  const since = Math.min(...followUps.map(({ task }) => task.completedAt ?? 0)) - SKEW_MS;
  const { messages } = await memory.recall({
    ...thread,
    perPage: false,
    orderBy: { field: "createdAt", direction: "ASC" },
    filter: { dateRange: { start: new Date(Math.max(0, since)) } },
  });
  return messages;
}

/** Mastra keeps a model's failure as a part of an assistant's message. */
function isAnswer({ role, content }: StoredMessageLike): boolean {
  const { parts } = (content ?? {}) as { parts?: ({ type?: string } | null)[] };
  return role === "assistant" && !(Array.isArray(parts) && parts.at(-1)?.type === "error");
}
