import type { SessionKey } from "../model/session-claim.ts";
import type { LimitName } from "../model/store.ts";
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
  /** The slow calls. */
  readonly #parked = new JobQueue();
  #order = 0;
  #taken = 0;
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

  get hasSlot(): boolean {
    return this.#taken < this.#limit;
  }

  /** For a job that is asked for now. */
  nextOrder(): number {
    this.#order += 1;
    return this.#order;
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

  /** A task of this session has ended: those who wait try again. */
  freed(session: SessionKey): void {
    this.#parked.release(session);
    this.#queue.release(session);
    this.#pump();
  }

  /** Has a slow call, which a limit keeps in the foreground, try again when a slot may have become free. */
  park(job: Job): void {
    this.#parked.add(job);
    this.#pump();
  }

  unpark(job: Job): void {
    this.#parked.remove(job);
  }

  enqueue(job: Job): void {
    this.#queue.add(job);
    this.#pump();
  }

  remove(job: Job): void {
    this.#queue.remove(job);
    this.#idle.check();
  }

  /** What keeps a queued job waiting; `undefined` where that is no limit. */
  limitOn(job: SessionKey): LimitName | "running" | undefined {
    return this.hasSlot ? this.#queue.limitOn(job) : "running";
  }

  close(): void {
    this.#isClosed = true;
    this.#poll?.clear();
  }

  #pump(): void {
    while (!this.#isClosed && this.hasSlot) {
      if (!this.#startFirst(this.#parked) && !this.#startFirst(this.#queue)) break;
    }
    this.#startPoll();
  }

  /** False: there is none that may start. */
  #startFirst(queue: JobQueue): boolean {
    const job = queue.take();
    if (job !== undefined) void this.#admit(job, queue, this.takeSlotAnyway());
    return job !== undefined;
  }

  async #admit(job: Job, queue: JobQueue, slot: Slot): Promise<void> {
    const admission = await job.admit(slot);
    if (admission === "admitted" || admission === "gone") queue.remove(job);
    queue.settle(job, admission);
    slot.releaseIfUnused();
    this.#idle.check();
    this.#pump();
  }

  #startPoll(): void {
    if (this.#isClosed || this.#poll || (this.#parked.size === 0 && this.#queue.size === 0)) return;
    const poll = () => {
      this.#poll = undefined;
      this.#parked.releaseAll();
      this.#queue.releaseAll();
      this.#pump();
    };
    this.#poll = new Timer(this.#clock, poll, POLL_MS).unref();
  }
}

/** Milliseconds after which what waits for a slot is tried again: another process may have freed one. */
const POLL_MS = 1_000;
