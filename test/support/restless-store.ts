import type { TaskStore } from "../../src/core/model/store.ts";

export interface RestlessOptions {
  /** From 0 up to 1. @default a generator with a fixed seed */
  random?: () => number;
  /** Waits before a call reaches the store, and again before its answer comes back. @default up to 2 ms */
  delay?: (random: () => number) => Promise<void>;
}

/**
 * A store as far away as a real one: what goes in and out travels as JSON, and calls made at the same time
 * are executed and answered in any order. Each is still atomic, and whoever awaits one before making the
 * next has them in order.
 *
 * @example
 * const store = restlessStore(memoryStore(), { random: seeded(7) });
 */
export function restlessStore(inner: TaskStore, options: RestlessOptions = {}): TaskStore {
  const { random = seeded(1), delay = anyDelay } = options;
  const far =
    <Args extends unknown[], Answer>(call: (...args: Args) => Promise<Answer>) =>
    async (...args: Args): Promise<Answer> => {
      const arrived = deepFreeze(travel(args));
      await delay(random);
      try {
        return travel(await call(...arrived));
      } finally {
        await delay(random);
      }
    };
  const store: TaskStore = {
    isShared: inner.isShared,
    insert: far((...args) => inner.insert(...args)),
    get: far((...args) => inner.get(...args)),
    list: far((...args) => inner.list(...args)),
    transition: far((...args) => inner.transition(...args)),
    admit: far((...args) => inner.admit(...args)),
    append: far((...args) => inner.append(...args)),
    events: far((...args) => inner.events(...args)),
    result: far((...args) => inner.result(...args)),
    changes: far((...args) => inner.changes(...args)),
    checkpoint: far((...args) => inner.checkpoint(...args)),
    payload: far((...args) => inner.payload(...args)),
    renew: far((...args) => inner.renew(...args)),
    lapsed: far((...args) => inner.lapsed(...args)),
    claim: far((...args) => inner.claim(...args)),
    hold: far((...args) => inner.hold(...args)),
    extend: far((...args) => inner.extend(...args)),
    stopTurn: far((...args) => inner.stopTurn(...args)),
    prolong: far((...args) => inner.prolong(...args)),
    settle: far((...args) => inner.settle(...args)),
    resetTurns: far((...args) => inner.resetTurns(...args)),
    sweep: far((...args) => inner.sweep(...args)),
    close: far(() => inner.close()),
  };
  if (inner.watch) store.watch = restlessWatch(inner, () => delay(random));
  return store;
}

/**
 * Numbers from 0 up to 1 that are the same in every run (mulberry32).
 *
 * @example
 * const random = seeded(42);
 * random() === seeded(42)(); // true
 */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function restlessWatch(inner: TaskStore, delay: () => Promise<void>): NonNullable<TaskStore["watch"]> {
  return (listener, missed) => {
    let isOver = false;
    const stop = inner.watch?.(async (hint) => {
      const arrived = travel(hint);
      await delay();
      if (!isOver) await listener(arrived);
    }, missed);
    return () => {
      isOver = true;
      stop?.();
    };
  };
}

/** The timers are looked up at each call, so that fake ones are used where a test has put them. */
function anyDelay(random: () => number): Promise<void> {
  const kind = Math.floor(random() * 5);
  return new Promise((resolve) => {
    if (kind === 0) queueMicrotask(resolve);
    else if (kind === 1) setImmediate(resolve);
    else setTimeout(resolve, kind - 2);
  });
}

/** What is left of a value after it went through JSON. Numbers that JSON has not are a mistake, not a `null`. */
function travel<T>(value: T): T {
  const json = JSON.stringify(value, (key, part: unknown) => {
    if (typeof part === "number" && !Number.isFinite(part)) throw new TypeError(`${key}: ${part} in JSON`);
    return part;
  });
  return json === undefined ? value : JSON.parse(json);
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  for (const part of Object.values(value)) deepFreeze(part);
  return Object.freeze(value);
}
