import { type BackgroundTaskManager, manager } from "../core/manager.ts";
import type { TaskScope } from "../core/model/task.ts";
import { duration, func, type Kind, limit, wait } from "../core/values/kinds.ts";
import { needed, option, readOptions, type Settings, type Table } from "../core/values/options.ts";
import { ignorePromise } from "../core/values/validate.ts";
import type { FollowUp } from "./follow-up.ts";
import { type FollowUpMessage, followUpMessage, MESSAGE, type MessageOptions } from "./message.ts";

/** One automatic turn of a session. */
export interface Delivery {
  /** Whose turn it is. Without a `sessionId`: of the user's tasks that have none. */
  scope: TaskScope;
  /** At least one. A host that has taken one of these ids in before leaves it out. */
  followUps: readonly FollowUp[];
  /** All of them as one message. */
  message: FollowUpMessage;
  /** The same for some of them: where a host has taken in the others before. */
  messageFor(followUps: readonly FollowUp[]): FollowUpMessage;
  /**
   * Aborts when the delivery takes too long, its lease has lapsed, so that another process may have it, or the
   * dispatcher stops. No other of its session begins in this process before `deliver` has come back.
   */
  signal: AbortSignal;
}

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
   * Runs the agent's next turn, in the async context in which the dispatcher was made. Returning acknowledges the
   * follow-ups, throwing has them delivered again. Two answers mean something else. "busy": a turn is running, ask
   * again soon. "gone": there is no such session any more. It may be called twice for the same follow-up, since a
   * process can end between its turn and the acknowledgement.
   */
  deliver(delivery: Delivery): unknown;
  /** Sessions delivered to at a time, in this process. @default 10 */
  concurrency?: number | undefined;
  /** Milliseconds that a completion waits for others of its session. @default 100 */
  coalesceMs?: number | undefined;
  /** Milliseconds after which a delivery has failed. @default 600_000 */
  deliverTimeoutMs?: number | undefined;
  /** Milliseconds until the second attempt; each later one waits twice as long, with jitter. @default 1_000 */
  retryMs?: number | undefined;
  /** The longest wait between two attempts, in milliseconds. @default 60_000 */
  maxRetryMs?: number | undefined;
  /** Milliseconds until a busy session is asked again; up to ten times as long while it stays busy. @default 1_000 */
  busyRetryMs?: number | undefined;
  /** Automatic turns of a session until `userSpoke`; what comes after that stays pending. @default 12 */
  maxConsecutiveTurns?: number | undefined;
  /** Milliseconds between two looks at what other processes may have left. @default 2_000 */
  pollMs?: number | undefined;
}

const DISPATCHER = {
  ...FOLLOW_UP,
  deliver: needed(func()),
  concurrency: option(limit(1), 10),
  coalesceMs: option(wait(0), 100),
  deliverTimeoutMs: option(waitOrNever, 600_000),
  retryMs: option(wait(0), 1_000),
  maxRetryMs: option(wait(0), 60_000),
  busyRetryMs: option(wait(0), 1_000),
  maxConsecutiveTurns: option(limit(1), 12),
  pollMs: option(wait(1), 2_000),
} satisfies Table<DispatcherOptions>;

export type DispatcherTerms = Settings<typeof DISPATCHER> & { readonly holdMs: number };

/** Every default filled in. @throws `invalid_option` */
export function dispatcherTerms(options: DispatcherOptions): DispatcherTerms {
  const terms = readOptions(DISPATCHER, options);
  return { ...terms, holdMs: terms.deliverTimeoutMs };
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
