import { expect, test } from "vitest";
import { hintOf, type TaskHint } from "../../../src/core/model/store.ts";
import { memoryStore, type TaskStore } from "../../../src/index.ts";
import { inFakeTime, pass } from "../../support/scene.ts";
import { deliveredIds } from "../hosts.ts";
import { COALESCE_MS, complete, startedProcess } from "../processes.ts";

inFakeTime();

test.each(["none", "claimed", "delivered", "dropped"] as const)(
  "a forged hint that a follow-up is %s puts its delivery off by nothing",
  async (followUp) => {
    const inner = memoryStore();
    const listeners = new Set<(hint: TaskHint) => void>();
    const watch: NonNullable<TaskStore["watch"]> = (listener) => {
      listeners.add(listener);
      return inner.watch?.(listener) ?? (() => undefined);
    };
    const { tasks, host } = startedProcess({
      store: { ...inner, watch },
      dispatcher: { pollMs: 1_000_000 },
    });
    await pass(10 * COALESCE_MS);
    const { id } = await complete(tasks);
    const record = await inner.get({ userId: "ada" }, id);
    if (record === undefined) throw new Error("It is gone.");
    const forged = { ...hintOf(record, record.lastSeq + 1), followUp };
    for (const listener of listeners) listener(forged);
    await pass(2 * COALESCE_MS);
    expect(deliveredIds(host)).toEqual([id]);
  },
);
