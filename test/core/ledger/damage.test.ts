import { expect, test, vi } from "vitest";
import type { Damage } from "../../../src/core/model/store.ts";
import { BackgroundTaskManager, memoryStore } from "../../../src/index.ts";
import { allowWarnings } from "../../support/warnings.ts";

function damagedStore() {
  const listeners = new Set<(damage: Damage) => void>();
  const onDamage = (listener: (damage: Damage) => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  const tell = (damage: Damage) => {
    for (const listener of listeners) listener(damage);
  };
  return { store: { ...memoryStore(), onDamage }, tell, listeners };
}

const DAMAGE: Damage = { userId: "ada", taskId: "1", place: "tasks:1", reason: "it is no record" };

test("a damaged record is told by the event, until the manager is closed", async () => {
  const { store, tell, listeners } = damagedStore();
  const tasks = new BackgroundTaskManager({ store });
  const told: unknown[] = [];
  tasks.on("record.damaged", (notice) => void told.push(notice));
  tell(DAMAGE);
  tell({ ...DAMAGE, userId: null, taskId: null });
  const { place, reason } = DAMAGE;
  expect(told).toEqual([
    { scope: { userId: "ada" }, taskId: "1", place, reason },
    { scope: null, taskId: null, place, reason },
  ]);
  await tasks.close();
  expect(listeners.size).toBe(0);
});

test("where nobody listens there is one warning", async () => {
  allowWarnings();
  const warning = vi.spyOn(process, "emitWarning");
  const { store, tell } = damagedStore();
  const tasks = new BackgroundTaskManager({ store });
  tell(DAMAGE);
  tell(DAMAGE);
  expect(warning).toHaveBeenCalledTimes(1);
  expect(warning.mock.calls[0]?.[0]).toContain("tasks:1");
  expect(warning.mock.calls[0]?.[1]).toMatchObject({ detail: expect.stringContaining("record.damaged") });
  warning.mockRestore();
  await tasks.close();
});
