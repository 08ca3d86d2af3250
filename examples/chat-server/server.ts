/**
 * A chat server: `server.ts <folder> [port] [coalesceMs]`. All that it knows is in two SQLite files in that folder, so that
 * it may die at any moment, and others may serve the same chats beside it.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createRequestListener } from "@remix-run/node-fetch-server";
import { BackgroundTaskManager } from "tool-offload";
import { sqliteStore } from "tool-offload/stores/sqlite";
import { Chats } from "./chats.ts";
import { Conversations } from "./conversations.ts";
import { openDatabase } from "./database.ts";
import { model } from "./model.ts";
import { routes } from "./routes.ts";
import { durableTools } from "./tools.ts";
import { TurnNotes } from "./turn-notes.ts";

const [folder = ".", port = "0", coalesceMs = "1000"] = process.argv.slice(2);
const tasks = new BackgroundTaskManager({
  store: sqliteStore({ database: await openDatabase(join(folder, "tasks.db")) }),
  tools: durableTools,
  // How long the tasks of a dead process wait. The default, half a minute, suits servers better.
  leaseMs: 2_000,
});
tasks.on("delivery.failed", ({ scope, error }) => console.error("A delivery has failed:", scope, error));
tasks.on("turn.failed", ({ scope, error }) => console.error("A turn has failed:", scope, error));
tasks.on("store.failed", ({ operation, error }) => console.error("The store has failed:", operation, error));

const database = await openDatabase(join(folder, "chats.db"));
const conversations = new Conversations(database);
const notes = new TurnNotes(database);
const chats = new Chats({ tasks, conversations, notes, model, coalesceMs: Number(coalesceMs) });
chats.start();

const handle = routes({ tasks, conversations, chats });
const onError = () => new Response(null, { status: 500 });
const server = createServer(createRequestListener(handle, { onError }));
server.listen(Number(port), "127.0.0.1", () => {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  if (process.send) process.send(url);
  else console.log(`${url}/?user=ada`);
});

/** First no more requests, then no more turns, then no more tasks. */
async function close(): Promise<void> {
  server.close();
  server.closeAllConnections();
  await chats.stop();
  await tasks.close();
  process.exit(0);
}

process.once("SIGINT", close);
process.once("SIGTERM", close);
// It does not outlive the program that has started it.
process.once("disconnect", () => process.exit(0));
