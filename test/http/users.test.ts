import { expect, test } from "vitest";
import { taskPageSchema } from "../../src/http/index.ts";
import { BackgroundTaskManager, memoryStore } from "../../src/index.ts";
import { completed, startLab } from "./lab.ts";

test("of two users each sees only their own", async () => {
  const lab = await startLab({ allowCancel: true });
  const users = ["ada", "bob"];
  const mine = new Map<string, string[]>();
  for (const userId of users) {
    const tasks = [1, 2, 3].map((n) => completed(lab.tasks, { userId, sessionId: "chat" }, `${userId}-${n}`));
    mine.set(userId, (await Promise.all(tasks)).map(({ id }) => id).sort());
  }
  for (const user of users) {
    for (const path of ["", "?sessionId=chat", "?status=completed"]) {
      const { tasks } = taskPageSchema.parse(await (await lab.as(user, path)).json());
      expect(tasks.map(({ id }) => id).sort()).toEqual(mine.get(user));
    }
    for (const [owner, ids] of mine) {
      for (const path of ids.flatMap((id) => [`/${id}`, `/${id}/result`, `/${id}/events`])) {
        const response = await lab.as(user, path);
        expect(response.status).toBe(owner === user ? 200 : 404);
      }
      for (const id of ids) {
        const response = await lab.as(user, `/${id}/cancel`, { method: "POST" });
        expect(response.status).toBe(owner === user ? 200 : 404);
      }
    }
  }
  await lab.close();
});

test("a cursor of another user's opens nothing of theirs", async () => {
  const lab = await startLab();
  for (let i = 0; i < 3; i += 1) await completed(lab.tasks, { userId: "ada" }, i);
  await completed(lab.tasks, { userId: "bob" }, 1);
  const page = taskPageSchema.parse(await (await lab.as("ada", "?limit=1")).json());
  const stolen = taskPageSchema.parse(await (await lab.as("bob", `?cursor=${page.nextCursor}`)).json());
  const own = await lab.tasks.list({ userId: "bob" });
  for (const { id } of stolen.tasks) expect(own.tasks.map((task) => task.id)).toContain(id);
  await lab.close();
});

test("nobody reads the word by which a message of a late result is known to be the library's", async () => {
  const store = memoryStore();
  const lab = await startLab({ tasks: new BackgroundTaskManager({ store }) });
  const { id } = await completed(lab.tasks, { userId: "ada" }, 1);
  const word = (await store.get({ userId: "ada" }, id))?.word ?? expect.unreachable();
  for (const path of ["", `/${id}`, `/${id}/result`, `/${id}/events`]) {
    const text = await (await lab.as("ada", path)).text();
    expect(text).toMatch(/completed/);
    expect(text).not.toContain(word);
  }
  await lab.close();
});
