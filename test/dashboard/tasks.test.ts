import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { TaskClientError, type TaskInfo, type TasksUpdate } from "../../src/client/index.ts";

/** What the page's client tells and answers, as a test says. */
const server = vi.hoisted(() => ({
  tell: (_update: TasksUpdate): void => undefined,
  fail: (_error: unknown): void => undefined,
  onState: (_state: "live" | "reconnecting"): void => undefined,
  pages: [] as { tasks: TaskInfo[]; nextCursor: string | null }[],
}));

vi.mock("../../src/dashboard/app/api.ts", () => ({
  isSignedOut: (error: { code?: string }) => error.code === "signed_out",
  messageOf: String,
  client: {
    list: async () => server.pages.shift(),
    watchAll({ onState }: { onState: typeof server.onState }) {
      const updates = new TransformStream<TasksUpdate, TasksUpdate>();
      const writer = updates.writable.getWriter();
      const ignore = () => undefined;
      server.tell = (update) => void writer.write(update).catch(ignore);
      server.fail = (error) => void writer.abort(error).catch(ignore);
      server.onState = onState;
      return updates.readable;
    },
  },
}));

type Tasks = typeof import("../../src/dashboard/app/tasks.ts");
type Address = typeof import("../../src/dashboard/app/address.ts");
let page: Tasks & Pick<Address, "selected">;

beforeEach(async () => {
  vi.useFakeTimers();
  vi.resetModules();
  const { selected } = await import("../../src/dashboard/app/address.ts");
  page = { ...(await import("../../src/dashboard/app/tasks.ts")), selected };
  void page.followTasks();
});
afterEach(() => {
  vi.useRealTimers();
});

/** The greater its number, the newer. */
function task(nth: number, rest: Partial<TaskInfo> = {}): TaskInfo {
  return { id: `t${nth}`, createdAt: nth, status: "completed", version: 1, lastSeq: 1, ...rest } as TaskInfo;
}

async function snapshot(nths: readonly number[], more = false): Promise<void> {
  server.tell({ type: "snapshot", tasks: nths.map((nth) => task(nth)), more });
  await vi.advanceTimersByTimeAsync(0);
}

function known(): string[] {
  return page.tasks.value.map(({ id }) => id);
}

test("nothing is not shown as such before anything was told", async () => {
  server.onState("reconnecting");
  expect(page.hasLoaded.value).toBe(false);
  await snapshot([]);
  expect(page.hasLoaded.value).toBe(true);
});

test("a snapshot leaves the task that is looked at, however old or new it is", async () => {
  page.selected.value = "t1";
  page.keep(task(1));
  await snapshot([9, 8], true);
  expect(known()).toEqual(["t9", "t8", "t1"]);
  page.selected.value = "";
  await snapshot([9, 8], true);
  expect(known()).toEqual(["t9", "t8"]);
});

test("a snapshot leaves no gap between what it tells and what was loaded beyond it", async () => {
  await snapshot([6, 5, 4], true);
  server.pages.push({ tasks: [task(3), task(2)], nextCursor: "next" });
  await page.loadOlder();
  await snapshot([8, 7, 6], true);
  expect(known()).toEqual(["t8", "t7", "t6", "t5", "t4", "t3", "t2"]);
});

test("what is gone is gone, also of what was loaded beyond the newest", async () => {
  await snapshot([6, 5, 4], true);
  server.pages.push({ tasks: [task(3), task(2)], nextCursor: "next" });
  await page.loadOlder();
  await snapshot([6, 4, 2], true);
  expect(known()).toEqual(["t6", "t4", "t2"]);
  await snapshot([6]);
  expect(known()).toEqual(["t6"]);
});

test("of two states the newer one is shown, whichever came last", async () => {
  await snapshot([1]);
  server.tell({ type: "task", task: task(1, { version: 2, lastSeq: 2 }) });
  await vi.advanceTimersByTimeAsync(50);
  page.keep(task(1, { version: 3, lastSeq: 3 }));
  await vi.advanceTimersByTimeAsync(100);
  expect(page.taskWithId("t1")?.version).toBe(3);
  await snapshot([1]);
  expect(page.taskWithId("t1")?.version).toBe(3);
});

test("who signs in again may be another user: nothing is left of the first", async () => {
  await snapshot([6, 5], true);
  server.pages.push({ tasks: [task(3)], nextCursor: "next" });
  await page.loadOlder();
  page.selected.value = "t5";
  server.fail(new TaskClientError("signed_out", "Nobody is signed in."));
  await vi.advanceTimersByTimeAsync(0);
  expect([page.connection.value, known()]).toEqual(["signed_out", ["t6", "t5", "t3"]]);
  void page.followTasks();
  expect(known()).toEqual(["t6", "t5", "t3"]);
  await snapshot([2], true);
  expect([page.connection.value, known()]).toEqual(["live", ["t2"]]);
  expect(page.attempt.value).toBe(1);
});
