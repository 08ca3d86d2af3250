import { type Clock, Timer } from "../time/clock.ts";
import type { Idle } from "../time/idle.ts";
import { type Job, JobQueue } from "./queue.ts";
import { Slot } from "./slot.ts";

/**
 * The slots for running tasks in this process, and who waits for one: first the slow calls, which block a
 * turn, then the queue.
 */
export class Scheduler {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #idle: Idle;
  readonly #queue = new JobQueue();
  readonly #parked = new Set<Parked>();
  #taken = 0;
  #timesFreed = 0;
  #poll: Timer | undefined;
  #isClosed = false;

  constructor(clock: Clock, limit: number, idle: Idle) {
    this.#clock = clock;
    this.#limit = limit;
    this.#idle = idle;
  }

  get queued(): number {
    return this.#queue.size;
  }

  /** How often something has become free. Who is refused by now may try again if this has moved on. */
  get timesFreed(): number {
    return this.#timesFreed;
  }

  get hasSlot(): boolean {
    return this.#taken < this.#limit;
  }

  /** Takes a slot, if there is one. */
  takeSlot(): Slot | undefined {
    return this.hasSlot ? this.takeSlotAnyway() : undefined;
  }

  /** Takes a slot, whether there is one or not. */
  takeSlotAnyway(): Slot {
    return new Slot((change) => {
      this.#taken += change;
    });
  }

  /** A task of this user has ended: those who wait try again. */
  freed(userId: string): void {
    this.#timesFreed += 1;
    this.#queue.release(userId);
    if (this.#parked.size > 0) this.#wake(this.#nextParked(userId));
    else this.#pump();
  }

  /** Has somebody try again when a slot may have become free. Returns how to stop waiting. */
  park(parked: Parked): () => void {
    this.#parked.add(parked);
    this.#startPoll();
    return () => this.#parked.delete(parked);
  }

  enqueue(job: Job): void {
    this.#queue.add(job);
    this.#pump();
  }

  remove(job: Job): void {
    this.#queue.remove(job);
    this.#idle.check();
  }

  /** Takes every waiting job out. */
  clear(): Job[] {
    return this.#queue.clear();
  }

  close(): void {
    this.#isClosed = true;
    this.#poll?.clear();
    this.#parked.clear();
  }

  #wake(parked: Iterable<Parked>): void {
    for (const one of [...parked]) {
      this.#parked.delete(one);
      one.retry();
    }
    this.#pump();
  }

  /** One slot is free: for the user's first in each session, and for the first who waits for any slot. */
  #nextParked(userId: string): Iterable<Parked> {
    const firsts = new Map<string | null | undefined, Parked>();
    for (const parked of this.#parked) {
      const line = parked.waitsForAny ? undefined : parked.sessionId;
      if (!firsts.has(line) && (parked.waitsForAny || parked.userId === userId)) firsts.set(line, parked);
    }
    return firsts.values();
  }

  #pump(): void {
    while (!this.#isClosed && this.hasSlot) {
      const job = this.#queue.take();
      if (job === undefined) break;
      void this.#admit(job, this.takeSlotAnyway());
    }
    this.#startPoll();
  }

  async #admit(job: Job, slot: Slot): Promise<void> {
    const admission = await job.admit(slot);
    if (admission === "admitted" || admission === "gone") this.remove(job);
    this.#queue.settle(job, admission);
    slot.releaseIfUnused();
    this.#pump();
  }

  #startPoll(): void {
    if (this.#isClosed || this.#poll || (this.#parked.size === 0 && this.#queue.size === 0)) return;
    const poll = () => {
      this.#poll = undefined;
      this.#queue.release();
      this.#wake(this.#parked);
    };
    this.#poll = new Timer(this.#clock, poll, POLL_MS).unref();
  }
}

/** A slow call that a limit keeps in the foreground. */
export interface Parked {
  readonly userId: string;
  readonly sessionId: string | null;
  /** It waits for any slot in this process, not for one of its user's. */
  readonly waitsForAny: boolean;
  retry(): void;
}

/** Milliseconds after which what waits for a slot is tried again: another process may have freed one. */
const POLL_MS = 1_000;
