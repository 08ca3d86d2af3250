import fc from "fast-check";
import { expect, test } from "vitest";
import { type Job, JobQueue } from "../../../src/core/tasks/queue.ts";

let looks = 0;

/** Each look at its turn is counted. */
function job(order: number, { userId = "ada", sessionId = "s1", priority = 1 } = {}): Job {
  return {
    userId,
    sessionId,
    priority,
    get order() {
      looks += 1;
      return order;
    },
    admit: async () => "admitted",
  };
}

/** Looks that it takes to queue so many, and to admit them all or have them go unstarted. */
function looksFor(count: number, make: (index: number) => Job, isAdmitted = true): number {
  looks = 0;
  const queue = new JobQueue();
  const jobs = Array.from({ length: count }, (_, index) => make(index));
  for (const one of jobs) queue.add(one);
  if (!isAdmitted) for (const one of jobs) queue.remove(one);
  for (let one = queue.take(); one !== undefined; one = queue.take()) {
    queue.remove(one);
    queue.settle(one, "admitted");
    queue.release(one);
  }
  expect(queue.size).toBe(0);
  return looks;
}

const CROWDS: Record<string, (index: number) => Job> = {
  "of one session": (index) => job(index),
  "in a session each": (index) => job(index, { sessionId: `s${index}` }),
  "of a user each": (index) => job(index, { userId: `u${index}` }),
  "of all priorities": (index) => job(index, { priority: 1 + (index % 10) }),
  "each of them before the last": (index) => job(-index),
};

test.each(Object.entries(CROWDS))(
  "ten times as many jobs take little more than ten times as many looks: %s",
  (_, make) => {
    expect(looksFor(10_000, make)).toBeLessThan(20 * looksFor(1_000, make));
    expect(looksFor(10_000, make, false)).toBeLessThan(20 * looksFor(1_000, make, false));
  },
);

test("a user who is refused costs the others no look, and neither does a session", () => {
  const queue = new JobQueue();
  for (let index = 0; index < 1_000; index += 1) {
    queue.add(job(index, { userId: index % 2 ? `u${index}` : "ada", sessionId: `s${index}` }));
    const taken = queue.take();
    if (taken) queue.settle(taken, index % 2 ? "running_per_user" : "running_per_session");
  }
  looks = 0;
  queue.add(job(2_000, { userId: "bob" }));
  expect(queue.take()?.userId).toBe("bob");
  expect(looks).toBeLessThan(20);
});

test("a place that is free lets one session try again, and everybody only when all are let", () => {
  const queue = new JobQueue();
  const [one, two, other] = [job(1), job(2, { sessionId: "s2" }), job(3, { userId: "bob" })];
  for (const each of [one, two, other]) queue.add(each);
  for (let each = queue.take(); each; each = queue.take()) {
    queue.settle(each, each === other ? "running_per_user" : "running_per_session");
  }
  queue.release(two);
  expect([queue.take(), queue.take()]).toEqual([two, undefined]);
  queue.settle(two, "running_per_session");
  queue.releaseAll();
  expect([queue.take(), queue.take()]).toEqual([one, other]);
});

test("a refusal is out of date if a place became free meanwhile", () => {
  const queue = new JobQueue();
  const one = job(1);
  queue.add(one);
  expect([queue.take(), queue.take()]).toEqual([one, undefined]);
  queue.release(one);
  queue.settle(one, "running_per_user");
  expect(queue.take()).toBe(one);
});

test("whatever is added, removed and refused, the first that may start is taken", () => {
  const step = fc.record({
    act: fc.constantFrom("add", "add", "remove", "admit", "user", "session", "failed", "release", "all"),
    user: fc.nat(2),
    session: fc.nat(2),
    priority: fc.integer({ min: 1, max: 3 }),
  });
  const property = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const queue = new JobQueue();
    let jobs: Job[] = [];
    const full = new Set<string>();
    const isOpen = ({ userId, sessionId }: Job) => !full.has(userId) && !full.has(`${userId} ${sessionId}`);
    const forget = (gone: Job) => {
      queue.remove(gone);
      jobs = jobs.filter((one) => one !== gone);
      const ofUser = jobs.filter(({ userId }) => userId === gone.userId);
      if (ofUser.length === 0) full.delete(gone.userId);
      if (!ofUser.some(({ sessionId }) => sessionId === gone.sessionId)) {
        full.delete(`${gone.userId} ${gone.sessionId}`);
      }
    };
    for (const [order, { act, user, session, priority }] of steps.entries()) {
      const place = { userId: `u${user}`, sessionId: `s${session}`, priority };
      if (act === "add") {
        jobs.push(job(order, place));
        queue.add(jobs.at(-1) as Job);
      } else if (act === "remove") {
        const found = jobs[order % (jobs.length || 1)];
        if (found) forget(found);
      } else if (act === "release") {
        queue.release(place);
        full.delete(place.userId);
        full.delete(`${place.userId} ${place.sessionId}`);
      } else if (act === "all") {
        queue.releaseAll();
        full.clear();
      } else {
        const byTurn = (one: Job, other: Job) => other.priority - one.priority || one.order - other.order;
        const taken = queue.take();
        expect(taken).toBe(jobs.filter(isOpen).sort(byTurn)[0]);
        if (taken === undefined) continue;
        if (act === "admit") forget(taken);
        else full.add(act === "session" ? `${taken.userId} ${taken.sessionId}` : taken.userId);
        const refusal = act === "session" ? "running_per_session" : "running_per_user";
        queue.settle(taken, act === "admit" ? "admitted" : act === "failed" ? "failed" : refusal);
      }
      expect(queue.size).toBe(jobs.length);
    }
  });
  fc.assert(property, { numRuns: 300 });
});
