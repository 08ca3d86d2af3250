/** One process of the program: it has a manager over the shared file. The first one also calls the tool. */
import Database from "libsql";
import { BackgroundTaskManager, ToolOffloadMiddleware } from "tool-offload";
import { sqliteStore } from "tool-offload/stores/sqlite";
import { buildTool } from "./build-tool.ts";

const [path = "", ciUrl = "", role] = process.argv.slice(2);
const build = buildTool(ciUrl);
const store = sqliteStore({ database: new Database(path) });
// A short lease, so that the example need not wait for half a minute.
const tasks = new BackgroundTaskManager({ store, leaseMs: 600, tools: { build } });

if (role === "caller") {
  const offload = new ToolOffloadMiddleware({ tasks, timeoutMs: 100 });
  const call = { scope: { userId: "ada", sessionId: "chat-7" }, toolCallId: "call_1" };
  const outcome = await offload.wrap(build)({ branch: "main" }, call);
  if (outcome.status === "offloaded") process.send?.(outcome.task.id);
}
// It lives until it is killed.
setInterval(() => undefined, 1_000);
process.once("disconnect", () => process.exit(0));
