import type { Place } from "../stores.ts";

export interface ServerOptions {
  place: Place;
  /** The same for the one that comes after it, so that it is found where this one was. 0: any. */
  port: number;
  tasks: number;
  /** How many events each task tells, and how many milliseconds lie between two. */
  lines: number;
  everyMs: number;
}

export const USER = "ada";
