import { expect, test } from "vitest";
import type { TaskRecord, TaskScope } from "../../core/model/task.ts";
import { makeTask } from "../make-task.ts";
import {
  ADA,
  finish,
  finishPending,
  idsOf,
  insert,
  type Lab,
  LONG_MS,
  log,
  output,
  transition,
  whole,
} from "./lab.ts";

export function scopeSuite(lab: Lab): void {
  const seenFrom = async (scope: TaskScope, { id }: TaskRecord) => {
    const { store } = lab;
    return [
      await store.get(scope, id),
      await store.events(scope, id, { after: 0, limit: 9 }),
      await store.result(scope, id),
      (await store.list(scope, { limit: 99 })).records.find((record) => record.id === id),
    ].filter((answer) => answer !== undefined);
  };
  const finishWithResult = async (fields: Partial<TaskRecord>) =>
    transition(lab, await finish(lab, fields), { result: whole(1) });

  test("a task is seen by its user and in its session", async () => {
    const record = await finishWithResult({ sessionId: "one" });
    expect(await seenFrom(ADA, record)).toHaveLength(4);
    expect(await seenFrom({ userId: "ada", sessionId: "one" }, record)).toHaveLength(4);
  });

  test("a task is not seen by another user, nor from another session", async () => {
    const record = await finishWithResult({ sessionId: "one" });
    const foreign = await finishWithResult({ sessionId: "one", userId: "grace" });
    expect(await seenFrom(ADA, foreign)).toEqual([]);
    expect(await seenFrom({ userId: "ada", sessionId: "one" }, foreign)).toEqual([]);
    expect(await seenFrom({ userId: "ada", sessionId: "two" }, record)).toEqual([]);
  });

  test("a task without a session is seen by its user and from no session", async () => {
    const record = await finishWithResult({ sessionId: null });
    expect(await seenFrom(ADA, record)).toHaveLength(4);
    expect(await seenFrom({ userId: "ada", sessionId: "null" }, record)).toEqual([]);
    expect(await seenFrom({ userId: "ada", sessionId: "" }, record)).toEqual([]);
  });

  test("the agent is a label and no boundary", async () => {
    const record = await finishWithResult({ agentId: "one" });
    expect(await seenFrom({ userId: "ada", agentId: "two" }, record)).toHaveLength(4);
  });

  test.each(Object.entries(LONGEST))(
    "names may have 256 characters, and ids of calls 8,192: %s",
    async (_, of) => {
      const [userId, sessionId, toolName] = [of(256), of(256), of(256)];
      const names = { userId, sessionId, toolName, agentId: toolName, toolCallId: of(8_192) };
      const record = await finishPending(lab, names);
      const session = { userId, sessionId };
      expect(await seenFrom(session, record)).toContainEqual(record);
      expect(record).toMatchObject(names);
      const claim = await lab.store.claim("me", LONG_MS, { session, maxTurns: 5 });
      expect(claim).toMatchObject({ ...session, tasks: [{ id: record.id, toolCallId: names.toolCallId }] });
      await lab.store.settle(claim ?? missing(), { [record.id]: { type: "acknowledge" } });
      await finishPending(lab, names);
      expect(await lab.store.claim("me", LONG_MS, { session, maxTurns: 5 })).toMatchObject({ turns: 1 });
      await lab.store.resetTurns(session);
    },
  );

  test.each(HOSTILE)("a user called %j is alone with their tasks", async (userId) => {
    await Promise.all(
      HOSTILE.map((other) => insert(lab, { userId: other, id: `of ${other}`, sessionId: other })),
    );
    expect(await idsOf(lab, userId)).toEqual([`of ${userId}`]);
    expect(await lab.store.get({ userId }, "of a:b")).toEqual(
      userId === "a:b" ? expect.objectContaining({ userId }) : undefined,
    );
  });

  test.each(HOSTILE)("a session called %j is alone with its tasks", async (sessionId) => {
    await Promise.all(HOSTILE.map((other) => finishPending(lab, { sessionId: other, id: `in ${other}` })));
    const { records } = await lab.store.list({ userId: "ada", sessionId }, { limit: 99 });
    expect(records.map((record) => record.id)).toEqual([`in ${sessionId}`]);
    const claim = await lab.store.claim("me", LONG_MS, { session: { userId: "ada", sessionId } });
    expect(claim?.tasks.map((task) => task.id)).toEqual([`in ${sessionId}`]);
  });

  test.each(HOSTILE)("a task, and its owner, may be called %j", async (id) => {
    expect(await lab.store.get(ADA, id)).toBeUndefined();
    expect(await lab.store.append({ userId: "ada", id }, id, [output("x")])).toBe(0);
    const record = await insert(lab, { id, duplicateKey: id, owner: id });
    expect(await lab.store.append(record, id, [output(id)])).toBe(2);
    await transition(lab, record, { patch: { status: "completed", completedAt: 5 }, result: whole(id) });
    expect((await log(lab, record))[1]).toMatchObject({ taskId: id, chunk: id });
    expect(await lab.store.result(ADA, id)).toEqual(whole(id));
  });

  test("ids that look the same when they are put together are not the same", async () => {
    const strict = { runningPerUser: 1, runningPerSession: 1, queuedPerUser: 1, exclusive: true };
    const pairs = LOOK_ALIKES;
    for (const [userId, sessionId] of pairs) {
      await finishPending(lab, { userId, sessionId });
      const task = makeTask({ userId, sessionId, duplicateKey: "key" });
      const answer = await lab.store.insert(task, strict, LONG_MS);
      expect(answer.status).toBe("inserted");
    }
    const claims = await Promise.all(pairs.map(() => lab.store.claim("me", LONG_MS, {})));
    const sessions = claims.map((claim) => [claim?.userId, claim?.sessionId]);
    expect(sessions).toHaveLength(pairs.length);
    expect(sessions).toEqual(expect.arrayContaining(pairs));
  });

  test("nor are they when a session is claimed, or its turns are counted", async () => {
    const sessions = LOOK_ALIKES.map(([userId, sessionId]) => ({ userId, sessionId }));
    const claims = async () => {
      const tasks = await Promise.all(sessions.map((session) => finishPending(lab, session)));
      const answers = await Promise.all(
        sessions.map((session) => lab.store.claim("me", LONG_MS, { session, maxTurns: 9 })),
      );
      expect(answers).toMatchObject(tasks.map(({ id }, index) => ({ ...sessions[index], tasks: [{ id }] })));
      return answers.filter((answer) => answer !== undefined);
    };
    for (const [index, claim] of (await claims()).entries()) {
      const type = index % 2 === 0 ? "acknowledge" : "drop";
      await lab.store.settle(claim, { [claim.tasks[0]?.id ?? ""]: { type, reason: "session_gone" } });
    }
    expect((await claims()).map((claim) => claim.turns)).toEqual([1, 0, 1, 0, 1]);
  });

  test("results are kept apart, and what was put in comes out", async () => {
    const values = ["", "😀\n", null, { __proto__: null, a: [1, { b: "c" }] }, "x".repeat(200_000)];
    const lossy = ["$.a", "$[0]"];
    const cut = { kind: "cut", head: "😀a", tail: "z\0", bytes: 4e9, lossy } as const;
    const results = [
      ...values.map((value) => ({ ...whole(value), lossy })),
      cut,
      { ...cut, atLeast: true as const },
      { ...whole({ token: "t" }), view: VIEW },
      { ...cut, view: VIEW },
    ];
    const records = await Promise.all(results.map(() => insert(lab)));
    await Promise.all(
      records.map((record, index) => {
        const result = results[index];
        return transition(lab, record, result ? { result } : {});
      }),
    );
    for (const [index, record] of records.entries()) {
      expect(await lab.store.result(ADA, record.id)).toEqual(results[index]);
    }
    expect(await lab.store.result(ADA, (await insert(lab)).id)).toBeUndefined();
    expect(await lab.store.result(ADA, "unknown")).toBeUndefined();
  });

  test("texts of every kind come out as they went in", async () => {
    for (const text of HOSTILE) {
      const record = await insert(lab, {
        agentId: text,
        toolName: text,
        toolCallId: text,
        summary: text,
        metadata: JSON.parse(`{"__proto__":{"constructor":${JSON.stringify(text)}},"":[]}`),
      });
      expect(JSON.parse(JSON.stringify(await lab.store.get(ADA, record.id)))).toEqual(
        JSON.parse(JSON.stringify(record)),
      );
      expect(Object.keys(record.metadata ?? {})).toEqual(["__proto__", ""]);
    }
  });
}

/** What a model is shown in a result's place. */
const VIEW = JSON.stringify([
  { type: "text", text: "😀\0\u2028 \ud83d" },
  { type: "media", mediaType: "image/png", data: "AAAA" },
  { type: "media", mediaType: "image/*", url: "https://example.test/a.png" },
  { type: "media", mediaType: "audio/wav", bytes: 4e9 },
]);

const HOSTILE = [
  "__proto__",
  "constructor",
  "toString",
  "a:b",
  "a",
  "b",
  ":",
  "",
  " ",
  "null",
  "0",
  "😀",
  "é",
  "line\nbreak",
  `quote'"\\`,
  "%_*?[a]{b}",
];

/** Users and sessions that must not be put together with a colon. */
const LOOK_ALIKES: [userId: string, sessionId: string | null][] = [
  ["a", "b:c"],
  ["a:b", "c"],
  ["a:b:c", null],
  ["", "a:b:c"],
  ["a:b:c:", ""],
];

/** Texts as long as names may be: of what takes many bytes, and of which nothing can be packed. */
const LONGEST: Record<string, (length: number) => string> = {
  "of letters": (length) => randomText(length, 0x21, 0x7e),
  "of signs of three bytes": (length) => randomText(length, 0x4e00, 0x9fff),
  "of signs of four bytes": (length) => randomText(length / 2, 0x1_0000, 0x10_ffff),
  "of control characters": (length) => randomText(length, 0x01, 0x1f),
  "of half surrogate pairs": (length) => randomText(length, 0xdc00, 0xdfff),
};

/** The same ones each time: a generator of Lehmer's. */
function randomText(length: number, first: number, last: number): string {
  let seed = length + first;
  const next = () => {
    seed = (seed * 48_271) % 0x7fff_ffff;
    return first + (seed % (last - first + 1));
  };
  return String.fromCodePoint(...Array.from({ length }, next));
}

function missing(): never {
  throw new Error("Nothing was claimed.");
}
