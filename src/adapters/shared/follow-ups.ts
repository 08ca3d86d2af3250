import pTimeout from "p-timeout";
import { TaskOffloadError } from "../../core/errors.ts";
import { digest } from "../../core/values/digest.ts";
import type { FollowUp } from "../../follow-up/follow-up.ts";
import type { FollowUpClaim } from "../../follow-up/inbox.ts";
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

/** What is made of late results in hand. Where that fails they are given back. @throws what `make` throws */
export async function orGivenBack<T>(
  claim: Pick<FollowUpClaim, "release">,
  make: () => T,
): Promise<Awaited<T>> {
  try {
    return await make();
  } catch (error) {
    await settled(claim.release());
    throw error;
  }
}

/** What a message tells of: each framework has a place of its own for it. */
type FollowUpOf<Message> = (message: Message) => FollowUpMarker | undefined;

/** A task as a marker or a follow-up names it. */
type Marked = Pick<MarkedTask, "id" | "word">;

const SETTLED_WITHIN_MS = 1_000;

/**
 * A claim is settled again and again until the store answers, which must not hold the turn up: it is waited for
 * no longer than this, and goes on meanwhile. What it fails with is an event, and what is not settled comes again.
 *
 * @param withinMs 0: not waited for
 */
export async function settled(settling: Promise<unknown>, withinMs = SETTLED_WITHIN_MS): Promise<void> {
  const ended = settling.catch(() => undefined);
  if (withinMs > 0) await pTimeout(ended, { milliseconds: withinMs, message: false });
}

/** A store that fails must not break the turn. Its failure is an event, and the results come later. */
export function noneIfStoreFailed(error: unknown): undefined {
  if (TaskOffloadError.isInstance(error) && error.code === "store_failed") return undefined;
  throw error;
}

function isMarkedTask(found: unknown): found is MarkedTask {
  const { id, toolName, toolCallId, status, summary, word } = (found ?? {}) as Partial<MarkedTask>;
  const isText = (value: unknown) => typeof value === "string";
  return [id, toolName, toolCallId, status, summary].every(isText) && (word === undefined || isText(word));
}
