import { type Clock, systemClock } from "../../core/time/clock.ts";
import { type Checks, isNumber, orNull, wrongField } from "../shared/checks.ts";
import type { Connection } from "./connection.ts";
import { META } from "./names.ts";
import { parse } from "./read-entry.ts";
import { statement } from "./statement.ts";

/**
 * The time of a file, by which leases end, delays are over and ends are ordered. SQLite has no server whose clock
 * would do, and that of the machine may be set: while a process has the file open its time goes on with the monotonic
 * clock, and processes tell each other in the file how far it has come. Nobody's goes back.
 *
 * A clock of the host's that has no `monotonic` is taken as it is. When it was set back, `setBack` is called.
 */
export class FileTime {
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #setBack: (now: number, byMs: number) => void;
  #anchor: Anchor | undefined;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(connection: Connection, clock: Clock, setBack: (now: number, byMs: number) => void) {
    this.#connection = connection;
    this.#clock = clock;
    this.#setBack = setBack;
  }

  /** What is shown: what the clock of this process says. */
  wall(): number {
    return this.#clock.now();
  }

  /** What instants of the file are compared with. */
  now(): number {
    if (this.#clock.monotonic === undefined) return this.#clock.now();
    this.#anchor ??= { time: this.#opened(), monotonic: this.#clock.monotonic() };
    return this.#anchor.time + this.#clock.monotonic() - this.#anchor.monotonic;
  }

  /** A transaction that writes has begun: now and then the others are told, and heard. */
  begun(): void {
    const now = this.now();
    if (Math.abs(now - this.#toldAt) < TELL_EVERY_MS) return;
    const told = this.#told()?.time ?? now;
    if (told > now) this.#behind(told, now);
    this.#tell();
  }

  /** The transaction has come to nothing. */
  forget(): void {
    this.#toldAt = Number.NEGATIVE_INFINITY;
  }

  #behind(told: number, now: number): void {
    const { monotonic } = this.#clock;
    if (monotonic === undefined) this.#setBack(now, told - now);
    else this.#anchor = { time: told, monotonic: monotonic.call(this.#clock) };
  }

  #tell(): void {
    const time = this.now();
    const told: Told = { time, wall: this.#clock.now(), uptime: this.#uptime() };
    this.#connection.run(TELL, { told: JSON.stringify(told) });
    this.#toldAt = time;
  }

  #told(): Told | undefined {
    const row = this.#connection.get(TOLD, {});
    const told = row && parse(row.value);
    return wrongField(told, TOLD_FIELDS) === undefined ? (told as Told) : undefined;
  }

  /**
   * Of the time since somebody last had the file open there is only what the clocks say. The shorter counts: what is
   * over a moment later harms nobody, and the wall's may have been set, or the machine have been started anew.
   */
  #opened(): number {
    const told = this.#told();
    if (told === undefined) return this.#clock.now();
    const byWall = Math.max(0, this.#clock.now() - told.wall);
    const uptime = this.#uptime();
    const isSameStart = uptime !== null && told.uptime !== null && uptime >= told.uptime;
    return told.time + (isSameStart ? Math.min(byWall, uptime - told.uptime) : byWall);
  }

  /** All processes of the machine share it. */
  #uptime(): number | null {
    return this.#clock === systemClock ? Number(process.hrtime.bigint() / 1_000_000n) : null;
  }
}

/** How far the time of a file had come at a moment. */
interface Anchor {
  readonly time: number;
  readonly monotonic: number;
}

/** The same, as others can make something of it. */
interface Told {
  readonly time: number;
  readonly wall: number;
  readonly uptime: number | null;
}

const TOLD_FIELDS: Checks<Told> = { time: isNumber, wall: isNumber, uptime: orNull(isNumber) };

/** Milliseconds between two times that a process writes how far it has come. */
const TELL_EVERY_MS = 200;

/** The last that was told, as JSON. */
const TOLD = statement<never, { value: string }>(`SELECT value FROM ${META} WHERE name = 'time'`);

const TELL = statement<"told">(`INSERT OR REPLACE INTO ${META} VALUES ('time', :told)`);
