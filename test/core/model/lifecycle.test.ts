import { describe, expect, test } from "vitest";
import { changeFor, type LifecycleEvent, transition } from "../../../src/core/model/lifecycle.ts";
import type { TaskRecord, TaskStatus } from "../../../src/core/model/task.ts";
import { TASK_STATUSES } from "../../../src/index.ts";
import { makeTask } from "../../../src/testing/make-task.ts";

const NOW = 1_000_000;
const CANCEL = { at: NOW - 10, by: "user", reason: "no need" } as const;
const FINISHED = ["completed", "failed", "cancelled"];

const EVENTS: LifecycleEvent[] = [
  { type: "task.started", owner: "process-2", deadlineAt: NOW + 500 },
  { type: "task.taken_over", owner: "process-3" },
  { type: "task.cancel_requested", by: "user", reason: "no need" },
  { type: "task.completed" },
  { type: "task.failed", error: { code: "tool_error", message: "no" } },
  { type: "task.cancelled", by: "user", reason: null, mayStillRun: false },
  { type: "follow_up.dropped", reason: "returned" },
];

/** What may happen in which status, as the design has it. */
const TABLE: Record<TaskStatus, LifecycleEvent["type"][]> = {
  queued: ["task.started", "task.taken_over", "task.cancel_requested", "task.failed", "task.cancelled"],
  running: ["task.taken_over", "task.cancel_requested", "task.completed", "task.failed", "task.cancelled"],
  input_required: ["task.cancel_requested", "task.completed", "task.failed", "task.cancelled"],
  completed: ["follow_up.dropped"],
  failed: ["follow_up.dropped"],
  cancelled: ["follow_up.dropped"],
};

function recordIn(status: TaskStatus, fields: Partial<TaskRecord> = {}): TaskRecord {
  const pending = { status: "pending", mode: "when_idle", attempts: 0, reason: null } as const;
  const followUp = FINISHED.includes(status) ? { followUp: pending } : {};
  return makeTask({ status, ...followUp, ...fields }).record;
}

function eventOf(type: LifecycleEvent["type"]): LifecycleEvent {
  return EVENTS.find((event) => event.type === type) as LifecycleEvent;
}

function patched(record: TaskRecord, ...events: LifecycleEvent[]): TaskRecord {
  const change = changeFor(record, events, NOW);
  if (change === undefined) throw new Error("It cannot happen.");
  return { ...record, ...change.patch };
}

describe("rule 8: the transition table", () => {
  const cells = TASK_STATUSES.flatMap((status) =>
    EVENTS.map((event) => ({ status, event, type: event.type })),
  );

  test.each(cells)("rule 8: $type in $status", ({ status, event }) => {
    expect(transition(recordIn(status), event, NOW).ok).toBe(TABLE[status].includes(event.type));
  });

  test.each(cells)("rule 8: $type in $status changes nothing in place", ({ status, event }) => {
    const record = recordIn(status);
    const before = structuredClone(record);
    transition(record, event, NOW);
    expect(record).toEqual(before);
  });

  test.each(FINISHED as TaskStatus[])("rule 8: %s is final", (status) => {
    for (const event of EVENTS.filter(({ type }) => type !== "follow_up.dropped")) {
      expect(transition(recordIn(status), event, NOW)).toEqual({ ok: false, refusal: "wrong_status" });
    }
  });

  test.each(["queued", "running"] as const)("rule 8: once cancelled, %s can only end cancelled", (status) => {
    const record = recordIn(status, { cancel: CANCEL });
    const possible = EVENTS.filter((event) => transition(record, event, NOW).ok).map(({ type }) => type);
    expect(possible).toEqual(["task.cancelled"]);
  });

  test("rule 8: several events are one step, or none", () => {
    const started = recordIn("queued");
    expect(patched(started, eventOf("task.started"), eventOf("task.completed"))).toMatchObject({
      status: "completed",
      startedAt: NOW,
      completedAt: NOW,
    });
    expect(changeFor(started, [eventOf("task.started"), eventOf("task.started")], NOW)).toBeUndefined();
  });
});

describe("rule 8: what a transition writes", () => {
  test("rule 8: failed says why", () => {
    const error = { code: "deadline_exceeded", message: "too long" } as const;
    expect(patched(recordIn("running"), { type: "task.failed", error })).toMatchObject({
      status: "failed",
      error,
      completedAt: NOW,
    });
  });

  test("rule 8: started has an owner, a start and a deadline", () => {
    expect(patched(recordIn("queued"), eventOf("task.started"))).toMatchObject({
      status: "running",
      startedAt: NOW,
      owner: "process-2",
      deadlineAt: NOW + 500,
    });
  });

  test("rule 9: a cancel that was asked for stays as it was asked for", () => {
    const record = patched(recordIn("running", { cancel: CANCEL }), eventOf("task.cancelled"));
    expect(record).toMatchObject({ status: "cancelled", cancel: CANCEL });
  });

  test("rule 9: a cancel without a request is one", () => {
    expect(patched(recordIn("queued"), eventOf("task.cancelled")).cancel).toEqual({
      at: NOW,
      by: "user",
      reason: null,
    });
  });

  test("the log does not hold what guards the transition", () => {
    const change = changeFor(recordIn("queued"), [eventOf("task.started")], NOW);
    expect(change?.events).toEqual([{ at: NOW, type: "task.started" }]);
  });

  test("rule 18: who takes a running task over starts its tool again, and the log says so", () => {
    const change = changeFor(recordIn("running", { runs: 1 }), [eventOf("task.taken_over")], NOW);
    expect(change).toEqual({
      patch: { owner: "process-3", runs: 2 },
      events: [{ at: NOW, type: "task.started" }],
    });
  });

  test("rule 18: who takes a queued task over has not started it yet", () => {
    const change = changeFor(recordIn("queued"), [eventOf("task.taken_over")], NOW);
    expect(change).toEqual({ patch: { owner: "process-3", runs: 0 }, events: [] });
  });

  test("what cannot happen gives nothing to write", () => {
    expect(changeFor(recordIn("completed"), [eventOf("task.completed")], NOW)).toBeUndefined();
  });
});

describe("follow-ups at the end of a task", () => {
  const endings = EVENTS.filter(({ type }) => type === "task.completed" || type === "task.failed");

  test.each(endings)("$type makes one pending", (event) => {
    expect(patched(recordIn("running"), event).followUp).toMatchObject({
      status: "pending",
      mode: "when_idle",
    });
  });

  test.each([
    ["user", "pending", "silent"],
    ["turn", "pending", "silent"],
    ["host", "pending", "when_idle"],
    ["model", "none", "when_idle"],
  ] as const)("cancelled by the %s: %s, %s", (by, status, mode) => {
    const record = recordIn("running", { cancel: { ...CANCEL, by } });
    const event = { type: "task.cancelled", by, reason: null, mayStillRun: false } as const;
    expect(patched(record, event).followUp).toMatchObject({ status, mode });
  });

  test("a task that shall have none gets none", () => {
    const followUp = { status: "none", mode: null, attempts: 0, reason: null } as const;
    const record = recordIn("running", { followUp });
    expect(patched(record, eventOf("task.completed")).followUp).toEqual(followUp);
  });

  test.each(["none", "delivered", "dropped"] as const)("%s cannot be dropped", (status) => {
    const followUp = { status, mode: "when_idle", attempts: 0, reason: null } as const;
    const record = recordIn("completed", { followUp });
    expect(transition(record, eventOf("follow_up.dropped"), NOW)).toEqual({
      ok: false,
      refusal: "no_follow_up",
    });
  });
});
