import fc from "fast-check";
import { expect, test } from "vitest";
import type { Changes, ChangesQuery, KnownTask } from "../../core/model/changes.ts";
import type { TaskRecord } from "../../core/model/task.ts";
import { change, finish, finishPending, insert, type Lab, LONG_MS, output, read, transition } from "./lab.ts";

const LIMIT = 100;

export function changesSuite(lab: Lab): void {
  const ask = async (query: Partial<ChangesQuery>, limit = LIMIT): Promise<Changes> => {
    const [answer] = await lab.store.changes([{ userId: "ada", known: [], ...query }], limit);
    if (answer === undefined) throw new Error("A query has no answer.");
    return answer;
  };
  const idsIn = ({ tasks }: Changes) => tasks.map(({ id }) => id).sort();
  const known = ({ id, version, lastSeq }: TaskRecord): KnownTask => ({ id, version, lastSeq });
  const claim = async () => {
    const claimed = await lab.store.claim("me", LONG_MS, {});
    if (claimed === undefined) throw new Error("There was nothing to claim.");
    return claimed;
  };

  test("of known tasks those are told that are further, by version or by events, and where they stand", async () => {
    const [one, two, three] = [await insert(lab), await insert(lab, { sessionId: "one" }), await insert(lab)];
    const asked = { known: [one, two, three].map(known) };
    expect(await ask(asked)).toMatchObject({ tasks: [], gone: [], more: false });
    await lab.store.append(two, "process-1", [output("x")]);
    await transition(lab, three, { patch: { deadlineAt: 1 } });
    const { tasks } = await ask(asked);
    const places = new Map(tasks.map((task) => [task.id, task]));
    const running = { status: "running", followUp: "none", endedAt: null };
    expect([...places.keys()].sort()).toEqual([two.id, three.id].sort());
    expect(places.get(two.id)).toEqual({ ...running, ...known(await read(lab, two)), sessionId: "one" });
    expect(places.get(three.id)).toEqual({
      ...running,
      ...known(await read(lab, three)),
      sessionId: three.sessionId,
    });
    expect(await ask({ known: [one, ...tasks].map((task) => known(task as TaskRecord)) })).toMatchObject({
      tasks: [],
    });
  });

  test("a claim and its settlement are changes, although no event is theirs", async () => {
    const pending = await finishPending(lab, { sessionId: "one" });
    const claimed = await claim();
    const { tasks } = await ask({ known: [known(pending)] });
    expect(tasks).toMatchObject([{ id: pending.id, followUp: "claimed", lastSeq: pending.lastSeq }]);
    await lab.store.settle(claimed, {});
    expect(await ask({ known: tasks })).toMatchObject({ tasks: [{ id: pending.id, followUp: "pending" }] });
  });

  test("what is missing, foreign or evicted is gone", async () => {
    const foreign = await insert(lab, { userId: "bob" });
    const evicted = await finish(lab);
    const asked = [known(foreign), known(evicted), { id: "missing / \u0000 é", version: 1, lastSeq: 1 }];
    const limits = { finishedPerUser: 0, finishedTtlMs: null, followUpTtlMs: null, followUpsPerUser: null };
    await lab.store.sweep(limits, 9);
    const { tasks, gone } = await ask({ known: asked });
    expect(tasks).toEqual([]);
    expect(gone.sort()).toEqual(asked.map(({ id }) => id).sort());
  });

  test("of the other tasks those are told that may still change, and those that have ended lately", async () => {
    const live = [
      await insert(lab, { status: "queued" }),
      await insert(lab, { sessionId: "one" }),
      await finishPending(lab, { sessionId: "held" }),
      await finishPending(lab, { sessionId: "claimed" }),
      await finish(lab),
    ];
    await insert(lab, { userId: "bob" });
    await claim();
    const answer = await ask({ since: null });
    expect(idsIn(answer)).toEqual(live.map(({ id }) => id).sort());
    expect(answer).toMatchObject({ gone: [], more: false });
    expect(idsIn(await ask({ since: null, known: live.slice(1).map(known) }))).toContain(live[0]?.id);
    expect(idsIn(await ask({}))).toEqual([]);
  });

  test("what has ended since the moment that an answer names is told, and what had ended before it is not", async () => {
    const before = await finish(lab);
    const [{ endedAt } = { endedAt: null }] = (await ask({ since: null })).tasks;
    await lab.advance(2);
    const after = await finish(lab);
    expect(idsIn(await ask({ since: (endedAt ?? 0) + 1 }))).toEqual([after.id]);
    const { next } = await ask({ since: null });
    const later = await finish(lab);
    expect(idsIn(await ask({ since: next }))).toContain(later.id);
    expect(idsIn(await ask({ since: (endedAt ?? 0) + 1, known: [known(before)] }))).toEqual(
      [after.id, later.id].sort(),
    );
  });

  test("more others than the limit are told by and by, as those told before are known", async () => {
    const all = new Set<string>();
    for (let count = 0; count < 7; count += 1) all.add((await insert(lab, { status: "queued" })).id);
    const seen: KnownTask[] = [];
    for (const [size, more] of [
      [3, true],
      [3, true],
      [1, false],
    ] as const) {
      const answer = await ask({ known: seen, since: null }, 3);
      expect([answer.tasks.length, answer.more]).toEqual([size, more]);
      seen.push(...answer.tasks);
    }
    expect(new Set(seen.map(({ id }) => id))).toEqual(all);
  });

  test("each query has its answer, in order", async () => {
    const users = ["ada", "bob", "ada", "cy/d", "ê", "nobody"];
    const ids = new Map<string, string>();
    for (const userId of new Set(users.slice(0, -1))) ids.set(userId, (await insert(lab, { userId })).id);
    const answers = await lab.store.changes(
      users.map((userId) => ({ userId, known: [], since: null })),
      LIMIT,
    );
    expect(answers.map(idsIn)).toEqual(users.map((userId) => [ids.get(userId) ?? []].flat()));
    expect(await lab.store.changes([], LIMIT)).toEqual([]);
  });

  test("whoever goes by changes alone knows each task as it is, whatever happens", async () => {
    const step = fc.record({
      what: fc.constantFrom("insert", "append", "end", "pend", "claim", "look"),
      at: fc.nat(),
    });
    const isUpToDate = async (steps: { what: string; at: number }[], user: number) => {
      const userId = `user ${user} ${Math.random()}`;
      const places = new Map<string, KnownTask>();
      let since: number | null = null;
      const look = async () => {
        const answer = await ask({ userId, known: [...places.values()], since });
        for (const task of answer.tasks) places.set(task.id, task);
        since = answer.next;
      };
      const made: TaskRecord[] = [];
      await look();
      for (const { what, at } of [...steps, { what: "look", at: 0 }]) {
        const task = made[at % made.length];
        if (what === "look") await look();
        else if (what === "insert" || task === undefined)
          made.push(await insert(lab, { userId, sessionId: "s" }));
        else if (what === "claim")
          await lab.store.claim("me", LONG_MS, { session: { userId, sessionId: "s" } });
        else if (what === "append") await lab.store.append(task, "process-1", [output("x")]);
        else {
          const status = what === "pend" ? "pending" : "none";
          const followUp = { status, mode: "when_idle", attempts: 0, reason: null } as const;
          await lab.store.transition(
            task,
            1,
            change({ status: "completed", completedAt: lab.now(), followUp }),
          );
        }
      }
      for (const task of made) {
        const { version, lastSeq } = await read(lab, task);
        expect(places.get(task.id)).toMatchObject({ version, lastSeq });
      }
    };
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 12 }), fc.nat(), isUpToDate), {
      numRuns: 15,
    });
  });
}
