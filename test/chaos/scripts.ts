/** The scripts of the processes, built once: hundreds of them are started, and each would compile all sources anew. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** What is built here finds the packages of this project. */
const DIRECTORY = fileURLToPath(new URL(`../../node_modules/.cache/chaos/${process.pid}/`, import.meta.url));

process.on("exit", () => rmSync(DIRECTORY, { recursive: true, force: true }));
await build({
  entryPoints: {
    tasks: sourceOf("./worker.ts"),
    chat: sourceOf("./chat/worker.ts"),
    readers: sourceOf("./readers/server.ts"),
  },
  outdir: DIRECTORY,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  platform: "node",
  format: "esm",
  sourcemap: "inline",
  packages: "external",
});

export const TASK_WORKER = join(DIRECTORY, "tasks.mjs");
export const CHAT_WORKER = join(DIRECTORY, "chat.mjs");
export const READERS_SERVER = join(DIRECTORY, "readers.mjs");

function sourceOf(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}
