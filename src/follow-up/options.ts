import type { BackgroundTaskManager } from "../core/manager.ts";
import type { TaskScope } from "../core/model/task.ts";
import {
  checkDuration,
  checkFunction,
  checkLimit,
  checkNames,
  checkWait,
  ignorePromise,
} from "../core/values/validate.ts";
import type { FollowUp } from "./follow-up.ts";
import { type FollowUpMessage, followUpMessage, type MessageOptions, messageLimits } from "./message.ts";
import type { OutboxTerms } from "./outbox.ts";

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
  /** Aborts when the delivery takes too long, was taken over by another process, or the dispatcher stops. */
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

/** The options of a `FollowUpInbox`. */
export interface InboxOptions extends FollowUpOptions {
  /** Milliseconds after which a claim that is neither acknowledged nor released is let go. @default 600_000 */
  holdMs?: number | undefined;
}

/** The options of a `FollowUpDispatcher`. */
export interface DispatcherOptions extends FollowUpOptions {
  /**
   * Runs the agent's next turn. Returning acknowledges the follow-ups, throwing has them delivered again.
   * Two answers mean something else. "busy": a turn is running, ask again soon. "gone": there is no such session any more. It may be called
   * twice for the same follow-up, since a process can end between its turn and the acknowledgement.
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

export type DispatcherTerms = ReturnType<typeof dispatcherTerms>;

/** Every default filled in. @throws `invalid_option` */
export function dispatcherTerms(options: DispatcherOptions) {
  checkNames("", options, [...COMMON, "deliver", ...Object.keys(DEFAULTS)]);
  checkFunction("deliver", options.deliver);
  const terms = { ...DEFAULTS, ...given(options, Object.keys(DEFAULTS)) };
  const { concurrency, maxConsecutiveTurns, deliverTimeoutMs, pollMs, ...waits } = terms;
  checkLimit("concurrency", concurrency, 1);
  checkLimit("maxConsecutiveTurns", maxConsecutiveTurns, 1);
  for (const [name, value] of Object.entries(waits)) checkWait(name, value, 0);
  checkWait("pollMs", pollMs, 1);
  if (deliverTimeoutMs !== Number.POSITIVE_INFINITY) checkWait("deliverTimeoutMs", deliverTimeoutMs, 1);
  return { ...terms, ...outboxTerms(options, deliverTimeoutMs) };
}

/** @throws `invalid_option` */
export function inboxTerms(options: InboxOptions): OutboxTerms {
  checkNames("", options, [...COMMON, "holdMs"]);
  const { holdMs = HOLD_MS } = options;
  checkDuration("holdMs", holdMs);
  return outboxTerms(options, holdMs);
}

/** How follow-ups become a message: the host's text where it gives one, else ours. @throws `invalid_option` */
export function tellerOf(options: FollowUpOptions): (followUps: readonly FollowUp[]) => FollowUpMessage {
  const { message, maxResultChars, maxMessageChars } = options;
  const limits = messageLimits({ maxResultChars, maxMessageChars });
  if (message !== undefined) checkFunction("message", message);
  return (followUps) => {
    const built = followUpMessage(followUps, limits);
    return { ...built, text: ownText(message, followUps) ?? built.text };
  };
}

const SHARED = { maxAttempts: 12, leaseMs: 30_000 };
const DEFAULTS = {
  concurrency: 10,
  coalesceMs: 100,
  deliverTimeoutMs: 600_000,
  retryMs: 1_000,
  maxRetryMs: 60_000,
  busyRetryMs: 1_000,
  maxConsecutiveTurns: 12,
  pollMs: 2_000,
};
const HOLD_MS = 600_000;
const LEAST_LEASE_MS = 100;
const COMMON = ["tasks", "message", "maxResultChars", "maxMessageChars", ...Object.keys(SHARED)];

function ownText(message: FollowUpOptions["message"], followUps: readonly FollowUp[]): string | undefined {
  try {
    const text: unknown = message?.([...followUps]);
    ignorePromise(text);
    return typeof text === "string" && text !== "" ? text : undefined;
  } catch {
    return undefined;
  }
}

function outboxTerms(options: FollowUpOptions, holdMs: number): OutboxTerms {
  const { maxAttempts, leaseMs } = { ...SHARED, ...given(options, Object.keys(SHARED)) };
  checkLimit("maxAttempts", maxAttempts, 1);
  checkWait("leaseMs", leaseMs, LEAST_LEASE_MS);
  return { maxAttempts, leaseMs, holdMs };
}

/** What of these was given: `undefined` must not hide a default. */
function given(options: object, names: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    Object.entries(options).filter(([name, value]) => names.includes(name) && value !== undefined),
  );
}
