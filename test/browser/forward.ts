/** The client's own time, which is put in its place when it is bundled: as it is, and may be put forward. */

interface Waiting {
  at: number;
  fire: () => void;
}

const timers = new Map<unknown, Waiting>();
let skipped = 0;

export const performance = { now: () => globalThis.performance.now() + skipped };

export function setTimeout(callback: () => void, ms: number): unknown {
  const fire = () => {
    clearTimeout(timer);
    callback();
  };
  const timer = globalThis.setTimeout(fire, ms);
  timers.set(timer, { at: performance.now() + ms, fire });
  return timer;
}

export function clearTimeout(timer: unknown): void {
  globalThis.clearTimeout(timer as number);
  timers.delete(timer);
}

/** Fires all that is due by then, in its order, and lets what follows from each come to rest. */
export async function forward(ms: number): Promise<void> {
  const until = performance.now() + ms;
  for (let next = nextBy(until); next !== undefined; next = nextBy(until)) {
    skipped += Math.max(0, next.at - performance.now());
    next.fire();
    await new Promise((resolve) => globalThis.setTimeout(resolve, 1));
  }
  skipped += Math.max(0, until - performance.now());
}

function nextBy(until: number): Waiting | undefined {
  const due = [...timers.values()].filter(({ at }) => at <= until);
  return due.sort((one, other) => one.at - other.at)[0];
}
