import { getEventListeners } from "node:events";
import { connect } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { createTaskHandler, pendingTaskSchema, taskResultSchema } from "../../src/http/index.ts";
import { BackgroundTaskManager, type Clock, memoryStore, systemClock } from "../../src/index.ts";
import { BRIDGES, byToken, completed, type LabOptions, running, startLab } from "./lab.ts";

const ada = { userId: "ada" };

/** The clock of the machine, which knows how many of its timers are running. */
function countingClock() {
  const timers = new Set<unknown>();
  const clock: Clock = {
    ...systemClock,
    setTimeout: (callback, ms) => {
      const timer = systemClock.setTimeout(() => {
        timers.delete(timer);
        callback();
      }, ms);
      timers.add(timer);
      return timer;
    },
    clearTimeout: (timer) => {
      timers.delete(timer);
      systemClock.clearTimeout(timer);
    },
  };
  return { clock, timers };
}

/** A lab that tells when somebody has begun to wait, and with which signal. */
async function waitingLab(bridge?: LabOptions["bridge"]) {
  const { clock, timers } = countingClock();
  const tasks = new BackgroundTaskManager({ clock });
  const plainWait = tasks.wait.bind(tasks);
  let began: (signal: AbortSignal | undefined) => void = () => undefined;
  const waiting = new Promise<AbortSignal | undefined>((resolve) => {
    began = resolve;
  });
  tasks.wait = (scope, ids, options = {}) => {
    const answer = plainWait(scope, ids, options);
    // By then it has looked once and found the task unfinished.
    setImmediate(() => began(options.signal));
    return answer;
  };
  const answered: Promise<Response>[] = [];
  const around: LabOptions["around"] = (handle) => (request) => {
    const response = handle(request);
    answered.push(response);
    return response;
  };
  const lab = await startLab({ tasks, around, ...(bridge && { bridge }) });
  onTestFinished(() => lab.close());
  return { lab, tasks, timers, waiting, answered };
}

describe.each(Object.entries(BRIDGES))("waiting for a result behind %s", (_name, bridge) => {
  test("ends at once when the task has finished", async () => {
    const { lab, tasks } = await waitingLab(bridge);
    const task = await completed(tasks, ada, "otter");
    const response = await lab.as("ada", `/${task.id}/result?waitMs=60000`);
    expect(response.status).toBe(200);
    expect(taskResultSchema.parse(await response.json())).toMatchObject({ value: "otter" });
  });

  test("ends as soon as the task finishes", async () => {
    const { lab, tasks, timers, waiting } = await waitingLab(bridge);
    const { task, finish } = await running(tasks, ada);
    const asked = lab.as("ada", `/${task.id}/result?waitMs=60000`);
    await waiting;
    finish("otter");
    const response = await asked;
    expect(response.status).toBe(200);
    expect(taskResultSchema.parse(await response.json())).toMatchObject({ value: "otter" });
    await tasks.close({ drainMs: 0 });
    expect(timers.size).toBe(0);
  });

  test("ends when the time is over, with the task as it is", async () => {
    const { lab, tasks, timers } = await waitingLab(bridge);
    const { task } = await running(tasks, ada);
    const before = timers.size;
    const response = await lab.as("ada", `/${task.id}/result?waitMs=30`);
    expect([response.status, response.headers.get("Retry-After")]).toEqual([202, "1"]);
    expect(pendingTaskSchema.parse(await response.json()).id).toBe(task.id);
    expect(timers.size).toBeLessThanOrEqual(before);
  });

  test("ends when the client has gone, and leaves nothing behind", async () => {
    const { lab, tasks, timers, waiting, answered } = await waitingLab(bridge);
    const { task } = await running(tasks, ada);
    const before = timers.size;
    const socket = connect(lab.port, "127.0.0.1", () =>
      socket.write(
        `GET /background-tasks/${task.id}/result?waitMs=60000 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ada\r\n\r\n`,
      ),
    );
    const signal = await waiting;
    socket.destroy();
    expect((await answered[0])?.status).toBe(202);
    expect(signal?.aborted).toBe(true);
    expect(signal && getEventListeners(signal, "abort")).toEqual([]);
    expect(timers.size).toBeLessThanOrEqual(before);
    expect(lab.errors).toEqual([]);
    expect(await tasks.get(ada, task.id)).toMatchObject({ status: "running", cancel: null });
  });
});

test("ends with its task when the manager closes", async () => {
  const { lab, tasks, waiting } = await waitingLab();
  const { task } = await running(tasks, ada);
  const asked = lab.as("ada", `/${task.id}/result?waitMs=60000`);
  await waiting;
  await tasks.close({ drainMs: 0 });
  const response = await asked;
  expect([response.status, await response.json()]).toMatchObject([
    200,
    { status: "failed", error: { code: "shutdown" } },
  ]);
});

test("ends when the manager closes, though the task of another process goes on", async () => {
  const store = memoryStore();
  const [here, there] = [new BackgroundTaskManager({ store }), new BackgroundTaskManager({ store })];
  onTestFinished(() => there.close({ drainMs: 0 }));
  const { task } = await running(there, ada);
  const handle = createTaskHandler({ tasks: here, authenticate: byToken });
  const headers = { Authorization: "Bearer ada" };
  const url = `http://localhost/background-tasks/${task.id}/result?waitMs=60000`;
  const asked = handle(new Request(url, { headers }));
  await here.close();
  expect((await asked).status).toBe(202);
});

test("answers how things stand where the request is aborted before", async () => {
  const tasks = new BackgroundTaskManager();
  const { task } = await running(tasks, ada);
  const handle = createTaskHandler({ tasks, authenticate: byToken });
  const url = `http://localhost/background-tasks/${task.id}/result?waitMs=60000`;
  const headers = { Authorization: "Bearer ada" };
  const response = await handle(new Request(url, { headers, signal: AbortSignal.abort() }));
  expect(response.status).toBe(202);
  await tasks.close({ drainMs: 0 });
});
