import type { Place } from "../stores.ts";

export interface ServerOptions {
  place: Place;
  /** Of its own, so that the next one is found where this one was. */
  port: number;
  tasks: number;
  /** How many events each task tells, and how many milliseconds lie between two. */
  lines: number;
  everyMs: number;
}

export const USER = "ada";
