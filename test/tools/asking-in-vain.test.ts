import { expect, test } from "vitest";
import { FollowUpDispatcher } from "../../src/follow-up/index.ts";
import { memoryStore } from "../../src/index.ts";
import { controlTools } from "../../src/tools/index.ts";
import { ADA, gate, inFakeTime, soon, stubborn } from "../support/scene.ts";
import { labOf } from "./lab.ts";

inFakeTime();

const NOTE = expect.stringMatching(/arrives by itself .* end your turn/);

async function lab() {
  const scene = labOf({ store: memoryStore() });
  const slow = gate();
  const { id } = await scene.start(() => slow.promise);
  const { id: other } = await scene.start(stubborn);
  const dispatcher = new FollowUpDispatcher({ tasks: scene.tasks });
  /** What the model is told of how it asks. Each call may have tools of its own. */
  const noteOf = async (task_ids: string[], more: { signal?: AbortSignal; wait_for?: "any" } = {}) => {
    const { task_output } = controlTools({ tasks: scene.tasks, scope: ADA });
    const { signal, ...input } = more;
    const answer = await soon(task_output.execute({ task_ids, wait_ms: 100, ...input }, { signal }), 500);
    return answer.note;
  };
  const turn = <T>(run: () => Promise<T>) => soon(dispatcher.turn(ADA, run), 5_000);
  return { ...scene, id, other, slow, noteOf, turn };
}

test("a model that asks in vain for the second time in its turn is told to end it", async () => {
  const { id, other, noteOf, turn } = await lab();
  const notes = await turn(async () => [await noteOf([id]), await noteOf([other]), await noteOf([id])]);
  expect(notes).toEqual([undefined, NOTE, NOTE]);
});

test("each turn begins anew", async () => {
  const { id, noteOf, turn } = await lab();
  for (let turns = 0; turns < 3; turns += 1) expect(await turn(() => noteOf([id]))).toBeUndefined();
});

test("what has ended was not asked for in vain", async () => {
  const { id, other, slow, noteOf, turn } = await lab();
  slow.resolve("done");
  const notes = await turn(async () => [
    await noteOf([other]),
    await noteOf([id]),
    await noteOf([id, other], { wait_for: "any" }),
    await noteOf(["unknown"]),
  ]);
  expect(notes).toEqual([undefined, undefined, undefined, undefined]);
});

test("of one task it is told beside what is known of it", async () => {
  const { id, tools, turn } = await lab();
  const ask = () => soon(tools.task_output.execute({ task_id: id }));
  const [first, second] = await turn(async () => [await ask(), await ask()]);
  expect(first).not.toHaveProperty("note");
  expect(second).toMatchObject({ found: true, task: { task_id: id }, outcome: null, note: NOTE });
});

test("where no turn is held, the signal tells which turn it is", async () => {
  const { id, noteOf } = await lab();
  const [one, next] = [new AbortController(), new AbortController()];
  expect(await noteOf([id], one)).toBeUndefined();
  expect(await noteOf([id], next)).toBeUndefined();
  expect(await noteOf([id], one)).toEqual(NOTE);
});

test("a signal of many turns says nothing where a turn is held", async () => {
  const { id, noteOf, turn } = await lab();
  const { signal } = new AbortController();
  expect(await turn(() => noteOf([id], { signal }))).toBeUndefined();
  expect(await turn(() => noteOf([id], { signal }))).toBeUndefined();
});

test("with neither, nobody knows", async () => {
  const { id, noteOf } = await lab();
  expect([await noteOf([id]), await noteOf([id])]).toEqual([undefined, undefined]);
});
