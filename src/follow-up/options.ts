import { type BackgroundTaskManager, manager } from "../core/manager.ts";
import { duration, func, type Kind, limit, wait } from "../core/values/kinds.ts";
import { needed, option, readOptions, type Settings, type Table } from "../core/values/options.ts";
import { ignorePromise } from "../core/values/validate.ts";
import type { FollowUp } from "./follow-up.ts";
import { type FollowUpMessage, followUpMessage, MESSAGE, type MessageOptions } from "./message.ts";
import type { Delivery } from "./turns/turn.ts";

/** How follow-ups are told, and how long they are held. */
export interface FollowUpOptions extends MessageOptions {
  tasks: BackgroundTaskManager;
  /** What the model is told. Where it throws, or answers no text, the built-in message goes out. */
  message?: ((followUps: readonly FollowUp[]) => string) | undefined;
  /** Times a follow-up is tried before it is dropped as `exhausted`. @default 12 */
  maxAttempts?: number | undefined;
  /** Milliseconds after which the claim of a process that has died is free again. At least 100. @default 30_000 */
  leaseMs?: number | undefined;
}

const FOLLOW_UP = {
  tasks: needed(manager),
  message: option(func()),
  ...MESSAGE,
  maxAttempts: option(limit(1), 12),
  leaseMs: option(wait(100), 30_000),
} satisfies Table<FollowUpOptions>;

/** The options of a `FollowUpInbox`. */
export interface InboxOptions extends FollowUpOptions {
  /** Milliseconds after which a claim that is neither acknowledged nor released is let go. @default 600_000 */
  holdMs?: number | undefined;
}

const INBOX = { ...FOLLOW_UP, holdMs: option(duration, 600_000) } satisfies Table<InboxOptions>;

/** The options of a `FollowUpDispatcher`. */
export interface DispatcherOptions extends FollowUpOptions {
  /**
   * Runs the agent's next turn, since results have come, in the async context in which the dispatcher was made. When it
   * has come back, and all that the turn waits for, the follow-ups are acknowledged; if anything rejects they are
   * delivered again. What it returns means nothing, but for "busy" and "gone", which do as the turn's methods of these
   * names. It may be called twice for the same follow-up, since a process can end between its turn and the
   * acknowledgement. Without it there are only the turns that the host begins, and `start` throws.
   */
  deliver?: ((turn: Delivery) => unknown) | undefined;
  /** Sessions delivered to at a time, in this process. @default 10 */
  concurrency?: number | undefined;
  /** Milliseconds that a completion waits for others of its session. @default 100 */
  coalesceMs?: number | undefined;
  /** Milliseconds after which the signal of an automatic turn aborts. @default 600_000 */
  deliverTimeoutMs?: number | undefined;
  /** Milliseconds after which the signal of a turn that the host has begun aborts. @default 3_600_000 */
  holdMs?: number | undefined;
  /** Milliseconds until the second attempt; each later one waits twice as long, with jitter. @default 1_000 */
  retryMs?: number | undefined;
  /** The longest wait between two attempts, in milliseconds. @default 60_000 */
  maxRetryMs?: number | undefined;
  /** Milliseconds until a busy session is asked again; up to ten times as long while it stays busy. @default 1_000 */
  busyRetryMs?: number | undefined;
  /** Automatic turns of a session until the user's next; what comes after that stays pending. @default 12 */
  maxConsecutiveTurns?: number | undefined;
  /** Milliseconds between two looks at what other processes may have left. @default 2_000 */
  pollMs?: number | undefined;
}

const DISPATCHER = {
  ...FOLLOW_UP,
  deliver: option(func<(turn: Delivery) => unknown>()),
  concurrency: option(limit(1), 10),
  coalesceMs: option(wait(0), 100),
  deliverTimeoutMs: option(waitOrNever, 600_000),
  holdMs: option(waitOrNever, 3_600_000),
  retryMs: option(wait(0), 1_000),
  maxRetryMs: option(wait(0), 60_000),
  busyRetryMs: option(wait(0), 1_000),
  maxConsecutiveTurns: option(limit(1), 12),
  pollMs: option(wait(1), 2_000),
} satisfies Table<DispatcherOptions>;

export type DispatcherTerms = Settings<typeof DISPATCHER>;

/** Every default filled in. @throws `invalid_option` */
export function dispatcherTerms(options: DispatcherOptions): DispatcherTerms {
  return readOptions(DISPATCHER, options);
}

/** Every default filled in. @throws `invalid_option` */
export function inboxTerms(options: InboxOptions): Settings<typeof INBOX> {
  return readOptions(INBOX, options);
}

/** How follow-ups become a message: the host's text where it gives one, else ours. */
export function tellerOf({
  message,
  maxResultChars,
  maxMessageChars,
}: Settings<typeof FOLLOW_UP>): (followUps: readonly FollowUp[]) => FollowUpMessage {
  const limits = { maxResultChars, maxMessageChars };
  return (followUps) => {
    const built = followUpMessage(followUps, limits);
    return { ...built, text: ownText(message, followUps) ?? built.text };
  };
}

function ownText(message: FollowUpOptions["message"], followUps: readonly FollowUp[]): string | undefined {
  try {
    const text: unknown = message?.([...followUps]);
    ignorePromise(text);
    return typeof text === "string" && text !== "" ? text : undefined;
  } catch {
    return undefined;
  }
}

function waitOrNever(...[value, name, code]: Parameters<Kind<number>>): number {
  return value === Number.POSITIVE_INFINITY ? value : wait(1)(value, name, code);
}
