import { expect, test, vi } from "vitest";
import type { FollowUpStatus } from "../../core/model/follow-up.ts";
import type { StoreHint, TaskHint } from "../../core/model/store.ts";
import type { TaskStatus } from "../../core/model/task.ts";
import { makeTask } from "../make-task.ts";
import {
  ADA,
  change,
  finishPending,
  insert,
  type Lab,
  LONG_MS,
  NO_LIMITS,
  ofTasks,
  output,
  read,
  transition,
  UNKNOWN,
} from "./lab.ts";

export function watchSuite(lab: Lab): void {
  const watch = () => {
    const hints: TaskHint[] = [];
    const stop = lab.store.watch?.(ofTasks((hint) => void hints.push(hint)));
    return { hints, stop: stop ?? (() => {}) };
  };
  const quiet = () => new Promise((resolve) => setTimeout(resolve, QUIET_MS));
  /** Watching is optional. */
  const watchTest = (name: string, run: () => Promise<void>) =>
    test(name, async ({ skip }) => (lab.store.watch ? run() : skip()));

  watchTest("each write gives a hint that names the task and its new events", async () => {
    const { hints } = watch();
    const record = await insert(lab, { sessionId: "one" });
    const hint = { id: record.id, userId: "ada", sessionId: "one", status: "running", followUp: "none" };
    await vi.waitFor(() => expect(hints).toContainEqual({ ...hint, firstSeq: 1, lastSeq: 1 }));
    await lab.store.append(record, "process-1", [output("x"), output("y")]);
    await vi.waitFor(() => expect(hints).toContainEqual({ ...hint, firstSeq: 2, lastSeq: 3 }));
    await lab.store.transition(record, 1, change({ deadlineAt: 1 }, [output("z")]));
    await vi.waitFor(() => expect(hints).toContainEqual({ ...hint, firstSeq: 4, lastSeq: 4 }));
  });

  watchTest("a hint has the status that its write has left, even if others follow", async () => {
    const { hints } = watch();
    const record = await insert(lab, { status: "queued" });
    const statuses: TaskStatus[] = ["queued", "running", "input_required", "cancelled"];
    const move = (status: TaskStatus, version: number) =>
      version > 0 && lab.store.transition(record, version, change({ status }, [output(status)]));
    await Promise.all(statuses.map(move));
    const { version } = await read(lab, record);
    await vi.waitFor(() => expect(hints).toHaveLength(version));
    for (const hint of hints) expect(hint.status).toBe(statuses[hint.lastSeq - 1]);
  });

  watchTest("admissions, claims, settlements and expiries are writes too", async () => {
    const queued = await insert(lab, { status: "queued" });
    const one = await finishPending(lab, { sessionId: "one" });
    const { hints } = watch();
    const hinted = (id: string, followUp: FollowUpStatus, status: TaskStatus = "completed") =>
      vi.waitFor(() => expect(hints.splice(0)).toMatchObject([{ id, status, followUp }]));
    await lab.store.admit(queued, 1, change({ status: "running" }), NO_LIMITS);
    await hinted(queued.id, "none", "running");
    const claim = await lab.store.claim("me", LONG_MS, {});
    await hinted(one.id, "claimed");
    if (claim) await lab.store.settle(claim, {});
    await hinted(one.id, "pending");
    const limits = {
      finishedPerUser: 9,
      finishedTtlMs: LONG_MS,
      followUpTtlMs: LONG_MS,
      followUpsPerUser: 0,
    };
    await lab.store.sweep(limits, 9);
    await hinted(one.id, "dropped");
  });

  watchTest("what was not written gives no hint", async () => {
    const record = await insert(lab);
    await quiet();
    const { hints } = watch();
    await lab.store.insert({ record, events: [] }, NO_LIMITS, LONG_MS);
    await lab.store.insert(makeTask(), { ...NO_LIMITS, runningPerUser: 1 }, LONG_MS);
    await lab.store.transition(record, 7, change({}));
    await lab.store.append(UNKNOWN, "process-1", [output("x")]);
    await lab.store.append(record, "process-2", [output("x")]);
    await lab.store.get(ADA, record.id);
    await quiet();
    expect(hints).toEqual([]);
  });

  watchTest("every listener is told, until it stops listening", async () => {
    const [one, two] = [watch(), watch()];
    const first = await insert(lab);
    for (const { hints } of [one, two]) {
      await vi.waitFor(() => expect(hints).toMatchObject([{ id: first.id }]));
    }
    one.stop();
    one.stop();
    await insert(lab);
    await vi.waitFor(() => expect(two.hints).toHaveLength(2));
    expect(one.hints).toHaveLength(1);
  });

  watchTest(
    "a session that is free gives a hint where somebody waits for it, and one whose turn is to stop",
    async () => {
      const turns: StoreHint[] = [];
      lab.store.watch?.((hint) => void ("turn" in hint && turns.push(hint)));
      const session = { userId: "ada", sessionId: "one" };
      const terms = { by: "user", take: true, maxHolds: 3, waitMs: 0 } as const;
      const unwanted = await lab.store.hold("me", LONG_MS, session, terms);
      if ("token" in unwanted) await lab.store.settle(unwanted, {});
      const held = await lab.store.hold("me", LONG_MS, session, terms);
      await lab.store.stopTurn(session, "Enough.", null);
      await vi.waitFor(() => expect(turns).toEqual([{ ...session, turn: "stop" }]));
      await lab.store.hold("another", LONG_MS, session, { ...terms, waitMs: LONG_MS });
      if ("token" in held) await lab.store.settle(held, {});
      await vi.waitFor(() => expect(turns.slice(1)).toEqual([{ ...session, turn: "free" }]));
    },
  );

  watchTest("a function that watches twice is told twice, and once when it has stopped once", async () => {
    const hints: TaskHint[] = [];
    const listener = (hint: TaskHint) => void hints.push(hint);
    const stops = [lab.store.watch?.(ofTasks(listener)), lab.store.watch?.(ofTasks(listener))];
    const first = await insert(lab);
    await vi.waitFor(() => expect(hints).toMatchObject([{ id: first.id }, { id: first.id }]));
    stops[0]?.();
    const second = await insert(lab);
    await vi.waitFor(() => expect(hints.slice(2)).toMatchObject([{ id: second.id }]));
    await quiet();
    expect(hints).toHaveLength(3);
  });

  watchTest("a listener that fails harms nobody", async () => {
    lab.store.watch?.(
      ofTasks(() => {
        throw new Error("A listener's own failure.");
      }),
    );
    lab.store.watch?.(
      ofTasks(async () => {
        throw new Error("A listener's own late failure.");
      }),
    );
    const { hints } = watch();
    const record = await insert(lab);
    await vi.waitFor(() => expect(hints).toHaveLength(1));
    expect(await transition(lab, record, {})).toMatchObject({ version: 2 });
  });

  test("who watches is told when hints come again after a cut, and has those that follow", {
    timeout: 60_000,
  }, async ({ skip }) => {
    const { store, cut } = lab;
    if (store.watch === undefined || cut === undefined) return skip();
    let missed = 0;
    const hints: TaskHint[] = [];
    const stop = store.watch(
      ofTasks((hint) => void hints.push(hint)),
      () => {
        missed += 1;
      },
    );
    await vi.waitFor(() => expect(missed).toBeGreaterThan(0), PATIENCE);
    const before = missed;
    await cut();
    await vi.waitFor(() => expect(missed).toBeGreaterThan(before), PATIENCE);
    const record = await insert(lab);
    await vi.waitFor(() => expect(hints).toMatchObject([{ id: record.id }]), PATIENCE);
    stop();
    const then = missed;
    await cut();
    await quiet();
    expect(missed).toBe(then);
  });

  test("after close every call is rejected", async () => {
    const { store } = lab;
    const task = makeTask();
    const claim = { token: "token", userId: "ada", sessionId: null, tasks: [], turns: 0 };
    const limits = { finishedPerUser: 1, finishedTtlMs: 1, followUpTtlMs: 1, followUpsPerUser: 1 };
    await store.close();
    const calls = {
      insert: store.insert(task, NO_LIMITS, LONG_MS),
      get: store.get(ADA, "id"),
      list: store.list(ADA, { limit: 1 }),
      transition: store.transition(UNKNOWN, 1, change({})),
      admit: store.admit(UNKNOWN, 1, change({}), NO_LIMITS),
      append: store.append(UNKNOWN, "process-1", [output("x")]),
      events: store.events(ADA, "id", { after: 0, limit: 1 }),
      result: store.result(ADA, "id"),
      changes: store.changes([{ userId: "ada", known: [] }], 1),
      renew: store.renew("me", [UNKNOWN], 1),
      lapsed: store.lapsed(1),
      claim: store.claim("me", 1, {}),
      prolong: store.prolong(claim, 1),
      settle: store.settle(claim, {}),
      resetTurns: store.resetTurns(claim),
      sweep: store.sweep(limits, 1),
    };
    for (const answer of await Promise.allSettled(Object.values(calls))) {
      expect(answer).toEqual({ status: "rejected", reason: new Error("The store is closed.") });
    }
  });

  test("closing twice does no harm", async () => {
    await lab.store.close();
    await lab.store.close();
  });
}

const PATIENCE = { timeout: 20_000 };
/** Milliseconds in which a hint that should not come would have come. */
const QUIET_MS = 30;
