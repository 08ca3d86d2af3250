import { afterEach, expect, test } from "vitest";
import { type Delivery, FollowUpDispatcher } from "../../../src/follow-up/index.ts";
import { BackgroundTaskManager, memoryStore, type TaskStore } from "../../../src/index.ts";

const SESSIONS = 400;
/** So many times each session is busy, or its delivery fails. */
const TIMES = 2;

let stopCounting = (): void => undefined;
afterEach(() => stopCounting());

/** The most claims between two passes of the event loop. */
function mostPerPass(claims: () => number): () => number {
  let [most, before] = [0, claims()];
  const pass = () => {
    most = Math.max(most, claims() - before);
    before = claims();
    next = setImmediate(pass);
  };
  let next = setImmediate(pass);
  stopCounting = () => clearImmediate(next);
  return () => most;
}

const COURSES: Record<string, () => "busy"> = {
  busy: () => "busy",
  failing: () => {
    throw new Error("The model is down.");
  },
};

test.each(Object.entries(COURSES))(
  "however many sessions are %s, other work gets its turn, and each is told once",
  async (_, answer) => {
    const inner = memoryStore();
    let claims = 0;
    const claim: TaskStore["claim"] = (...args) => {
      claims += 1;
      return inner.claim(...args);
    };
    const store = { ...inner, claim };
    const tasks = new BackgroundTaskManager({ store });
    tasks.on("delivery.failed", () => undefined);
    const times = new Map<string, number>();
    const told: string[] = [];
    const deliver = ({ scope }: Delivery) => {
      const time = (times.get(scope.userId) ?? 0) + 1;
      times.set(scope.userId, time);
      if (time <= TIMES) return answer();
      told.push(scope.userId);
      return undefined;
    };
    const all = Array.from({ length: SESSIONS }, (__, index) => `u${index}`);
    for (const userId of all) {
      await tasks.start({ toolName: "work", input: null, scope: { userId, sessionId: "s1" } }, () => 1);
    }
    const delivered = new Promise<void>((resolve) => {
      let left = SESSIONS;
      tasks.on("follow_up.delivered", () => void (--left === 0 && resolve()));
    });
    const most = mostPerPass(() => claims);
    const dispatcher = new FollowUpDispatcher({
      tasks,
      deliver,
      coalesceMs: 0,
      retryMs: 1,
      maxRetryMs: 1,
      busyRetryMs: 1,
    });
    dispatcher.start();
    await delivered;
    expect(told.sort()).toEqual(all.sort());
    expect(most()).toBeLessThan(40);
    await dispatcher.stop();
    await tasks.close();
  },
);
