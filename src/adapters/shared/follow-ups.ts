import { digest } from "../../core/values/digest.ts";
import type { FollowUp } from "../../follow-up/follow-up.ts";
import type { FollowUpMarker, FollowUpMessage, MarkedTask } from "../../follow-up/message.ts";

/** Late results: a `Turn` of the dispatcher, or a `FollowUpClaim` of the inbox. */
export interface LateResults {
  readonly followUps: readonly FollowUp[];
  messageFor(followUps: readonly FollowUp[]): FollowUpMessage;
}

/** What was found in that place, if it is a marker. A client may have written anything there. */
export function asMarker(found: unknown): FollowUpMarker | undefined {
  const { type, tasks } = (found ?? {}) as Partial<FollowUpMarker>;
  const isMarker = type === "tool-offload.follow-up" && Array.isArray(tasks) && tasks.every(isMarkedTask);
  return isMarker ? (found as FollowUpMarker) : undefined;
}

/** Whether a task was told, as far as some messages say. One that says so without its word was written by others. */
export function toldIn<Message>(
  messages: readonly Message[],
  followUpOf: FollowUpOf<Message>,
): (task: Marked) => boolean {
  const told = new Map<string, Set<string | undefined>>();
  for (const { id, word } of messages.flatMap((message) => followUpOf(message)?.tasks ?? [])) {
    told.set(id, (told.get(id) ?? new Set()).add(word));
  }
  return ({ id, word }) => (word === undefined ? told.has(id) : told.get(id)?.has(word) === true);
}

/** Those of the follow-ups that no message tells of. */
export function newAmong<Message>(
  followUps: readonly FollowUp[],
  messages: readonly Message[],
  followUpOf: FollowUpOf<Message>,
): FollowUp[] {
  const isTold = toldIn(messages, followUpOf);
  return followUps.filter((followUp) => !isTold(followUp));
}

/** Whether a message tells of any of these. */
export function tellsOfAny<Message>(
  followUps: readonly Marked[],
  message: Message,
  followUpOf: FollowUpOf<Message>,
): boolean {
  return followUps.some(toldIn([message], followUpOf));
}

/**
 * An id for their message: the same follow-ups have the same, so that a conversation holds it once. Nobody who does
 * not know their words can take it before.
 */
export function messageIdOf(followUps: readonly FollowUp[]): string {
  const ids = followUps.map(({ id, word = "" }) => `${id} ${word}`).sort();
  return `follow-up-${digest(ids.join())}`;
}

/** What a message tells of: each framework has a place of its own for it. */
export type FollowUpOf<Message> = (message: Message) => FollowUpMarker | undefined;

/** A task as a marker or a follow-up names it. */
type Marked = Pick<MarkedTask, "id" | "word">;

function isMarkedTask(found: unknown): found is MarkedTask {
  const { id, toolName, toolCallId, status, summary, word } = (found ?? {}) as Partial<MarkedTask>;
  const isText = (value: unknown) => typeof value === "string";
  return [id, toolName, toolCallId, status, summary].every(isText) && (word === undefined || isText(word));
}
