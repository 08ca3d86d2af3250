/**
 * A process dies in the middle of a tool call, and another one goes on with it. The tool fronts a build that runs
 * somewhere else, so that only its id has to survive; here that is a server in this program.
 */
import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import Database from "libsql";
import { BackgroundTaskManager } from "tool-offload";
import { sqliteStore } from "tool-offload/stores/sqlite";
import { startCiServer } from "./ci-server.ts";

const directory = mkdtempSync(join(tmpdir(), "resume-"));
const path = join(directory, "tasks.db");
const ci = await startCiServer();
const scope = { userId: "ada" };

function startProcess(role: "caller" | "standby") {
  return fork(fileURLToPath(new URL("./worker.ts", import.meta.url)), [path, ci.url, role]);
}

const first = startProcess("caller");
const died = once(first, "exit").then(() => assert.fail("the first process has ended by itself"));
const [id] = (await Promise.race([once(first, "message"), died])) as [string];
console.log(`The build is slow: it is task ${id} now, in process ${first.pid}.`);
await sleep(300);

first.kill("SIGKILL");
console.log(`Process ${first.pid} is killed. The build goes on, and nobody waits for it.`);
const second = startProcess("standby");

const tasks = new BackgroundTaskManager({ store: sqliteStore({ database: new Database(path) }) });
const [task] = await tasks.wait(scope, [id], { timeoutMs: 15_000 });
const result = await tasks.result(scope, id);
console.log(`Process ${second.pid} has brought it to its end:`, result);

assert(task?.status === "completed");
assert(result?.status === "completed" && result.value === "main.tar");
assert.deepEqual(ci.started, [id], "one build was started, not two");

second.kill();
await tasks.close();
ci.close();
rmSync(directory, { recursive: true, force: true });
