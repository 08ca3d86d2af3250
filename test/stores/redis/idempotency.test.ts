import { expect, test } from "vitest";
import type { TaskStore } from "../../../src/core/model/store.ts";
import type { TaskRecord } from "../../../src/core/model/task.ts";
import { nameOfTask, shardOf } from "../../../src/stores/redis/names.ts";
import { makeTask } from "../../../src/testing/make-task.ts";
import { ADA, finish, insert, LONG_MS, NO_LIMITS } from "../../../src/testing/suite/lab.ts";
import { until } from "../../support/until.ts";
import { describeWithServer, keysOf, labOf, newPrefix, newStore } from "./lab.ts";

const KEEP_ALL = { finishedPerUser: null, finishedTtlMs: null, followUpTtlMs: null, followUpsPerUser: null };
const KEEP_NONE = { ...KEEP_ALL, finishedPerUser: 0 };
const KEYED = { key: "asked-once", digest: "d" };

describeWithServer("where idempotency keys are kept", [], (lab) => {
  function world() {
    const prefix = newPrefix();
    const shard = `{${prefix}:${shardOf("ada", 16)}}`;
    const damages: unknown[] = [];
    const store = newStore(lab.client, prefix);
    store.onDamage?.((damage) => damages.push(damage));
    const index = `${shard}:keyed:ada`;
    const partOf = (part: string, record: TaskRecord) => `${shard}:${part}:${nameOfTask(record)}`;
    return { store, prefix, shard, index, damages, partOf };
  }

  const ask = (store: TaskStore) => store.insert(makeTask({ idempotency: KEYED }), NO_LIMITS, LONG_MS);

  test("all of them are in the slot of the user's shard, and go with the task", async () => {
    const { store, prefix, shard, index } = world();
    await finish(labOf(store), { idempotency: KEYED });
    expect(await lab.client.hkeys(index)).toHaveLength(1);
    for (const key of await keysOf(lab.client, prefix)) expect(key.startsWith(shard)).toBe(true);
    await store.sweep(KEEP_NONE, 9);
    expect(await lab.client.exists(index)).toBe(0);
  });

  test.each(["task", "call", "log"])(
    "of a task that lacks its %s they go too, whoever meets it",
    async (part) => {
      for (const meet of [ask, (store: TaskStore) => store.list(ADA, { limit: 9 })]) {
        const { store, index, damages, partOf } = world();
        const record = await insert(labOf(store), { idempotency: KEYED });
        await lab.client.del(partOf(part, record));
        await meet(store);
        if (meet !== ask) expect(await lab.client.exists(index)).toBe(0);
        if (meet !== ask) expect(await ask(store)).toMatchObject({ status: "inserted" });
        expect(await ask(store)).toMatchObject({ status: "repeated" });
        // One that has lost its hash is as good as evicted to who asks for its key alone.
        if (meet !== ask || part !== "task") expect(damages).toMatchObject([{ taskId: record.id }]);
      }
    },
  );

  test("a key whose task another release has evicted is free", async () => {
    const { store, damages, prefix } = world();
    const record = await finish(labOf(store), { idempotency: KEYED });
    const left = (await keysOf(lab.client, prefix)).filter((key) => !/:(version|keyed)/.test(key));
    await lab.client.del(...left);
    expect(await store.get(ADA, record.id)).toBeUndefined();
    expect(await ask(store)).toMatchObject({ status: "inserted" });
    expect(damages).toEqual([]);
  });

  test("what a full server has evicted is found again, and takes no key from who has it", async () => {
    const { store, prefix, shard, index } = world();
    const first = await finish(labOf(store), { idempotency: KEYED });
    await lab.client.del(index);
    await until(async () => {
      await store.sweep(KEEP_ALL, 9);
      expect(await lab.client.hvals(index)).toEqual([first.id]);
    });
    await lab.client.del(index, `${shard}:all:ada`);
    const second = await ask(store);
    await newStore(lab.client, prefix).sweep(KEEP_ALL, 9);
    expect(second).toMatchObject({ status: "inserted" });
    await store.sweep(KEEP_NONE, 9);
    expect(await ask(store)).toMatchObject({ ...second, status: "repeated" });
  });

  test("one of another kind is set aside", async () => {
    const { store, index, damages } = world();
    await lab.client.set(index, "rubbish");
    expect(await ask(store)).toMatchObject({ status: "inserted" });
    expect(damages).toMatchObject([{ reason: "it is a string, and should be a hash" }]);
    expect(await ask(store)).toMatchObject({ status: "repeated" });
  });
});
