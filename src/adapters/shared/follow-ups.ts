import pTimeout from "p-timeout";
import { TaskOffloadError } from "../../core/errors.ts";
import { digest } from "../../core/values/digest.ts";
import type { FollowUp } from "../../follow-up/follow-up.ts";
import type { FollowUpMarker, FollowUpMessage } from "../../follow-up/message.ts";

/** Late results: a `Delivery` of the dispatcher, or a `FollowUpClaim` of the inbox. */
export interface LateResults {
  readonly followUps: readonly FollowUp[];
  messageFor(followUps: readonly FollowUp[]): FollowUpMessage;
}

/** What was found in that place, if it is a marker. */
export function asMarker(found: unknown): FollowUpMarker | undefined {
  const { type, tasks } = (found ?? {}) as Partial<FollowUpMarker>;
  return type === "tool-offload.follow-up" && Array.isArray(tasks) ? (found as FollowUpMarker) : undefined;
}

/** The ids of the tasks that these messages tell of. */
export function toldIn<Message>(
  messages: readonly Message[],
  followUpOf: FollowUpOf<Message>,
): ReadonlySet<string> {
  return new Set(messages.flatMap((message) => followUpOf(message)?.tasks.map(({ id }) => id) ?? []));
}

/** Those of the follow-ups that no message tells of. */
export function newAmong<Message>(
  followUps: readonly FollowUp[],
  messages: readonly Message[],
  followUpOf: FollowUpOf<Message>,
): FollowUp[] {
  const told = toldIn(messages, followUpOf);
  return followUps.filter(({ id }) => !told.has(id));
}

/** An id for their message: the same follow-ups have the same, so that a conversation holds it once. */
export function messageIdOf(followUps: readonly FollowUp[]): string {
  const ids = followUps.map(({ id }) => id).sort();
  return `follow-up-${digest(ids.join())}`;
}

/** What a message tells of: each framework has a place of its own for it. */
type FollowUpOf<Message> = (message: Message) => FollowUpMarker | undefined;

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
