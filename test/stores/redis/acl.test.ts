import { expect, test } from "vitest";
import { TaskOffloadError } from "../../../src/core/errors.ts";
import { APPEND, CHECKPOINT } from "../../../src/stores/redis/lua/append.ts";
import { CLAIM } from "../../../src/stores/redis/lua/claim.ts";
import { EXTEND, HOLD } from "../../../src/stores/redis/lua/hold.ts";
import { INSERT } from "../../../src/stores/redis/lua/insert.ts";
import { LAPSED, RENEW } from "../../../src/stores/redis/lua/leases.ts";
import { LIST } from "../../../src/stores/redis/lua/list.ts";
import { HARMLESS, LOOK, WRITING } from "../../../src/stores/redis/lua/look.ts";
import { MEND } from "../../../src/stores/redis/lua/mend.ts";
import { NEXT_SESSION } from "../../../src/stores/redis/lua/next-session.ts";
import { EVENTS, GET, PAYLOAD, RESULT, SET_ASIDE } from "../../../src/stores/redis/lua/reading.ts";
import { REPAIR } from "../../../src/stores/redis/lua/repair.ts";
import { SETTLE } from "../../../src/stores/redis/lua/settle.ts";
import { SWEEP } from "../../../src/stores/redis/lua/sweep.ts";
import { TRANSITION } from "../../../src/stores/redis/lua/transition.ts";
import { PROLONG, RESET_TURNS, STOP_TURN } from "../../../src/stores/redis/lua/turn.ts";
import { makeTask } from "../../../src/testing/make-task.ts";
import {
  ADA,
  change,
  completed,
  finishPending,
  insert,
  LONG_MS,
  log,
  NO_LIMITS,
  output,
  whole,
} from "../../../src/testing/suite/lab.ts";
import { describeWithServer, keysOf, labOf, newPrefix, newStore, type RedisLab } from "./lab.ts";

const SCRIPTS = [
  ...[
    APPEND,
    CHECKPOINT,
    CLAIM,
    EVENTS,
    EXTEND,
    GET,
    HOLD,
    INSERT,
    LAPSED,
    LIST,
    LOOK,
    MEND,
    NEXT_SESSION,
    PAYLOAD,
    PROLONG,
  ],
  ...[RENEW, RESET_TURNS, RESULT, SETTLE, REPAIR, SET_ASIDE, STOP_TURN, SWEEP, TRANSITION],
];
const COMMANDS = [...Object.keys(HARMLESS), ...Object.keys(WRITING)].sort();
const END = { ...change({ status: "completed", completedAt: 1 }, [completed]), result: whole(42) };

test("every command that scripts use is tried, except what is best effort", () => {
  const used = SCRIPTS.flatMap(({ lua }) =>
    [...lua.matchAll(/redis\.p?call\('([A-Z]+)'/g)].map(([, name]) => name),
  );
  expect([...new Set(used)].sort()).toEqual([...COMMANDS, "PUBLISH"].sort());
  for (const { lua } of SCRIPTS) expect(lua).not.toContain("redis.call('PUBLISH'");
});

describeWithServer("a user of the server", [], (lab) => {
  test("who may use no channel ends tasks as whole as anybody", async () => {
    const store = newStore(await userOf(lab, "no-channels", "~*", "+@all", "resetchannels"));
    const record = await insert(labOf(store));
    await expect(store.append(record, "process-1", [output("x")])).resolves.toBe(2);
    expect(await store.transition(record, 1, END)).toMatchObject({ status: "completed" });
    expect(await store.result(ADA, record.id)).toEqual(whole(42));
    expect(await log(labOf(store), record)).toHaveLength(3);
    const pending = await finishPending(labOf(store));
    const claim = await store.claim("me", LONG_MS, {});
    expect(claim?.tasks).toMatchObject([{ id: pending.id }]);
    if (claim === undefined) return;
    expect(await store.settle(claim, { [pending.id]: { type: "acknowledge" } })).toHaveLength(1);
    expect(await store.sweep({ ...KEEP_ALL, finishedPerUser: 0 }, 9)).toMatchObject({ evicted: 2 });
  });

  test.each(COMMANDS)("who may not use %s is told so, and nothing is written", async (command) => {
    const prefix = newPrefix();
    const user = await userOf(lab, `no-${command}`, "~*", "&*", "+@all", `-${command.toLowerCase()}`);
    const store = newStore(user, prefix);
    const call = () => store.insert(makeTask(), NO_LIMITS, LONG_MS);
    for (const _ of [1, 2]) {
      const error = await call().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(TaskOffloadError);
      expect(error).toMatchObject({
        code: "store_failed",
        message: expect.stringContaining(`refuses ${command},`),
      });
    }
    expect(await keysOf(lab.client, prefix)).toEqual([]);
    await lab.client.call("ACL", "SETUSER", `no-${command}`, "+@all");
    expect(await call()).toMatchObject({ status: "inserted" });
  });
});

describeWithServer("a server that has renamed UNLINK", ["--rename-command", "UNLINK", ""], (lab) => {
  test("is refused by every first call, and nothing is written", async () => {
    const prefix = newPrefix();
    const store = newStore(lab.client, prefix);
    await expect(store.insert(makeTask(), NO_LIMITS, LONG_MS)).rejects.toThrow("refuses UNLINK");
    await expect(store.claim("me", LONG_MS, {})).rejects.toMatchObject({ code: "store_failed" });
    expect(await keysOf(lab.client, prefix)).toEqual([]);
  });
});

const KEEP_ALL = { finishedPerUser: null, finishedTtlMs: null, followUpTtlMs: null, followUpsPerUser: null };

async function userOf(lab: RedisLab, name: string, ...rules: string[]) {
  await lab.client.call("ACL", "SETUSER", name, "on", ">secret", ...rules);
  return lab.newClient({ username: name, password: "secret" });
}
