import pTimeout from "p-timeout";
import { type Clock, MAX_TIMER_MS, timersOf } from "../core/time/clock.ts";
import type { FollowUp } from "./follow-up.ts";
import type { FollowUpMessage } from "./message.ts";
import type { Delivery } from "./options.ts";
import type { Claimed } from "./outbox.ts";

/** How a delivery went. `stopped`: it was broken off from here, and its follow-ups are as they were. */
export type DeliveryOutcome =
  | { type: "delivered" | "busy" | "gone" | "stopped" | "lost" }
  | { type: "failed"; error: unknown };

/** The host's side of a delivery. */
export interface DeliveryHost {
  readonly clock: Clock;
  readonly deliverTimeoutMs: number;
  deliver(delivery: Delivery): unknown;
  tell(followUps: readonly FollowUp[]): FollowUpMessage;
}

/** One turn of one session: runs it, and finds out how it went. */
export class DeliveryRun {
  readonly #claimed: Claimed;
  readonly #host: DeliveryHost;
  readonly #abort = new AbortController();
  #resolve: (outcome: DeliveryOutcome) => void = () => undefined;
  #isOver = false;
  /** Those to be told when the host has come back; `undefined`: it has, or was never asked. */
  #afterTurn: (() => void)[] | undefined;

  constructor(claimed: Claimed, host: DeliveryHost) {
    this.#claimed = claimed;
    this.#host = host;
  }

  /** The dispatcher stops: the turn is told, and not waited for. */
  stop(): void {
    this.#breakOff({ type: "stopped" }, "The dispatcher was stopped.");
  }

  /** Calls back when the host has come back, at once if it has: a turn that was broken off may go on for a while. */
  afterTurn(ended: () => void): void {
    if (this.#afterTurn === undefined) ended();
    else this.#afterTurn.push(ended);
  }

  run(): Promise<DeliveryOutcome> {
    return new Promise((resolve) => {
      this.#resolve = resolve;
      this.#claimed.lease.onLost(() =>
        this.#breakOff({ type: "lost" }, "Another process may have taken the delivery over."),
      );
      if (!this.#isOver) this.#deliver().then((outcome) => this.#end(outcome));
    });
  }

  async #deliver(): Promise<DeliveryOutcome> {
    const { deliverTimeoutMs, clock } = this.#host;
    try {
      const answer = await pTimeout(this.#begin(), {
        milliseconds: Number.isFinite(deliverTimeoutMs)
          ? Math.min(deliverTimeoutMs, MAX_TIMER_MS)
          : deliverTimeoutMs,
        message: `The delivery did not end within ${deliverTimeoutMs} ms.`,
        customTimers: timersOf(clock),
        signal: this.#abort.signal,
      });
      return { type: answer === "busy" || answer === "gone" ? answer : "delivered" };
    } catch (error) {
      this.#abort.abort(error);
      return { type: "failed", error };
    }
  }

  async #begin(): Promise<unknown> {
    this.#afterTurn = [];
    try {
      return await this.#ask();
    } finally {
      const waiting = this.#afterTurn;
      this.#afterTurn = undefined;
      for (const ended of waiting) ended();
    }
  }

  async #ask(): Promise<unknown> {
    const { scope, followUps } = this.#claimed;
    const { signal } = this.#abort;
    const messageFor = (some: readonly FollowUp[]) => this.#host.tell(some);
    // A host may do with its list what it likes.
    const own = [...followUps];
    return this.#host.deliver({ scope, followUps: own, message: messageFor(followUps), messageFor, signal });
  }

  #breakOff(outcome: DeliveryOutcome, reason: string): void {
    if (this.#end(outcome)) this.#abort.abort(new DOMException(reason, "AbortError"));
  }

  /** False: it had ended, and is no longer to be told. */
  #end(outcome: DeliveryOutcome): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#resolve(outcome);
    return true;
  }
}
