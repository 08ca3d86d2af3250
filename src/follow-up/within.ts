import { type Clock, Timer } from "../core/time/clock.ts";

/** Whether it comes within so many milliseconds. */
export function isWithin(clock: Clock, ms: number, ended: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve) => {
    const limit = new Timer(clock, () => resolve(false), ms);
    ended.then(() => {
      limit.clear();
      resolve(true);
    });
  });
}
