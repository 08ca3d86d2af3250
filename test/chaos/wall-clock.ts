/** What time it is, whatever the wall clock of this process was set to. */
export const trueNow = Date.now;

let aheadMs = 0;

/** Sets the wall clock of this process, for everybody who asks it. */
export function stepClock(byMs: number): void {
  aheadMs += byMs;
  Date.now = () => trueNow() + aheadMs;
}
