import { expect } from "vitest";
import type { TaskRecord } from "../../../src/core/model/task.ts";
import { isFinished, type TaskEvent } from "../../../src/index.ts";
import type { Ledger } from "./ledger.ts";
import { HOLD_MS } from "./terms.ts";
import type { World } from "./world.ts";

const GIVEN_UP = "The store answered too late.";
const TERMINAL = ["task.completed", "task.failed", "task.cancelled"];

export async function judge({ ledger, hosts }: World, followUpsPerUser: number) {
  const logs = new Map<string, TaskEvent[]>();
  for (const record of ledger.records.values()) {
    const { userId } = record;
    const page = await ledger.store.events({ userId }, record.id, { after: 0, limit: 1_000 });
    const events = page?.events ?? [];
    logs.set(record.id, events);
    judgeLog(record, events);
    judgeFollowUp(record, ledger, followUpsPerUser);
  }
  for (const { told } of hosts) {
    for (const { at: _, ...event } of told) {
      expect(logs.get(event.taskId)?.[event.seq - 1]).toMatchObject(event);
    }
  }
}

function judgeLog({ lastSeq, followUp }: TaskRecord, events: TaskEvent[]) {
  expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: lastSeq }, (_, index) => index + 1));
  const types = events.map(({ type }) => type);
  expect(types.filter((type) => TERMINAL.includes(type))).toHaveLength(1);
  const last = events.filter(({ type }) => type.startsWith("follow_up."));
  if (followUp.status === "delivered") expect(last).toMatchObject([{ type: "follow_up.delivered" }]);
  else if (followUp.status !== "dropped") expect(last).toEqual([]);
  else expect(last).toMatchObject([{ type: "follow_up.dropped", reason: followUp.reason }]);
}

function judgeFollowUp({ id, status, cancel, followUp }: TaskRecord, ledger: Ledger, kept: number) {
  expect(isFinished(status)).toBe(true);
  expect(cancel?.by === "model" ? ["none"] : ["delivered", "dropped"]).toContain(followUp.status);
  expect(followUp.attempts).toBe(ledger.attemptsOf(id));
  const reasons = [null, "session_gone", "exhausted"];
  if (cancel?.reason === GIVEN_UP) reasons.push("returned");
  if (ledger.observed.has(id)) reasons.push("observed");
  if (kept < Infinity) reasons.push("expired");
  expect(reasons).toContain(followUp.reason);
}

/**
 * A turn that ended well was acknowledged: only where its claim has lapsed may another have followed. None
 * lapses before its time unless something was in the way.
 */
export function judgeTurns({ holds }: Ledger, leaps: boolean) {
  for (const { by, turn, outcome, since, endsAt } of holds) {
    if (outcome === undefined) {
      const isHeld = turn !== undefined && endsAt - since >= HOLD_MS;
      if (by.isSteady && !leaps) expect(isHeld).toBe(true);
      // One that does not hear its signal keeps its session until its lease is over.
      if (by.isSound && !leaps) expect(turn?.signal?.aborted ?? true).toBe(true);
    } else if (turn?.ended === "ok") {
      expect(turn.ids.map((id) => outcome[id]?.type)).toEqual(turn.ids.map(() => "acknowledge"));
    }
  }
}
