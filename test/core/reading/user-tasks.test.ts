import { expect, test } from "vitest";
import { type ChangedTask, type Changes, LATELY_MS } from "../../../src/core/model/changes.ts";
import { UserTasks } from "../../../src/core/reading/user-tasks.ts";

/** The answer of a store whose clock says `now`. */
function answer(now: number, tasks: ChangedTask[] = []): Changes {
  return { tasks, gone: [], more: false, next: now - LATELY_MS };
}

function ended(id: string, endedAt: number): ChangedTask {
  return { id, sessionId: null, version: 2, lastSeq: 3, status: "completed", followUp: "none", endedAt };
}

function listener() {
  const moved: string[] = [];
  return { moved: ({ id }: ChangedTask) => void moved.push(id), seen: moved };
}

test("who leaves while a look is under way has left", () => {
  const tasks = new UserTasks("ada");
  const [one, other, failed] = [listener(), listener(), listener()];
  tasks.join(other);
  tasks.look().told(answer(1_000_000));
  for (const gone of [one, failed]) tasks.join(gone);
  const look = tasks.look();
  tasks.leave(one);
  look.failed();
  tasks.leave(failed);
  const again = tasks.look();
  again.told(answer(1_000_000));
  tasks.look().told(answer(1_008_000, [ended("short", 1_004_000)]));
  expect([one.seen, failed.seen, other.seen]).toEqual([[], [], ["short"]]);
  tasks.leave(other);
  expect(tasks.isFollowed).toBe(false);
});

test("when the clock of the store was set back, what ends from then on is found, and what had ended is not told", () => {
  const tasks = new UserTasks("ada");
  const one = listener();
  tasks.join(one);
  tasks.look().told(answer(9_000_000));
  const look = tasks.look();
  expect(look.query.since).toBe(9_000_000 - LATELY_MS);
  look.told(answer(5_000_000, [ended("last", 9_004_000)]));
  const back = tasks.look();
  expect(back.query.since).toBe(5_000_000 - LATELY_MS);
  back.told(answer(5_008_000, [ended("old", 8_000_000), ended("short", 5_004_000)]));
  expect(one.seen).toEqual(["last", "short"]);
});
