import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** What is built here finds the packages of this project. */
const DIRECTORY = fileURLToPath(new URL(`../../node_modules/.cache/chaos/${process.pid}/`, import.meta.url));

/** Builds the script of a process: hundreds of them are started, and each would compile all sources anew. */
export async function builtScript(source: URL): Promise<string> {
  const entry = fileURLToPath(source);
  const outfile = join(DIRECTORY, `${entry.split("/").slice(-2).join("-")}.mjs`);
  const options = {
    bundle: true,
    platform: "node",
    format: "esm",
    sourcemap: "inline",
    packages: "external",
  } as const;
  await build({ entryPoints: [entry], outfile, ...options });
  return outfile;
}

process.on("exit", () => rmSync(DIRECTORY, { recursive: true, force: true }));

export const CHAT_WORKER = await builtScript(new URL("./chat/worker.ts", import.meta.url));
export const TASK_WORKER = await builtScript(new URL("./worker.ts", import.meta.url));
