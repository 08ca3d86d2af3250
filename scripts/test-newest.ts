/**
 * Tries the adapters with the newest frameworks, in a copy of this project: the pinned versions stay as they are.
 * `npm run test:newest -- ai langchain` tries only those packages. `ai-6` stays on 6.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const frameworks = ["ai", "ai-6", "langchain", "@langchain/core", "@langchain/langgraph", "@openai/agents"];
const mastra = ["@mastra/core", "@mastra/memory"];
const wanted = process.argv.slice(2);
const isWanted = (name: string) => wanted.length === 0 || wanted.includes(name);

const copy = mkdtempSync(join(tmpdir(), "tool-offload-newest-"));
process.on("exit", () => rmSync(copy, { recursive: true, force: true }));
for (const file of execFileSync("git", ["ls-files", "-z"], { cwd: root, encoding: "utf8" }).split("\0"))
  if (file !== "") cpSync(join(root, file), join(copy, file));

setNewest("package.json", frameworks.filter(isWanted));
setNewest("test/adapters/mastra/package.json", mastra.filter(isWanted));
run("npm", "install", "--no-audit", "--no-fund");
const results = [
  run("npx", "tsc", "-p", "tsconfig.check.json"),
  run("npx", "vitest", "run", "test/adapters"),
  run("npm", "run", "test:mastra"),
];
process.exitCode = results.every((isFine) => isFine) ? 0 : 1;

/** Writes the newest version of each package in place of the pinned one, overrides included. */
function setNewest(file: string, names: readonly string[]): void {
  const path = join(copy, file);
  const manifest = JSON.parse(readFileSync(path, "utf8"));
  for (const name of names) {
    for (const list of [manifest.dependencies, manifest.devDependencies, manifest.overrides]) {
      if (list?.[name] === undefined) continue;
      const newest = newestOf(name, list[name]);
      console.log(`${name}: ${list[name]} -> ${newest}`);
      list[name] = newest;
    }
  }
  writeFileSync(path, JSON.stringify(manifest, null, 2));
}

/** An alias, as `npm:ai@6.0.1`, stays within its major version. */
function newestOf(name: string, pinned: string): string {
  const [, aliased, major] = /^npm:(.+)@(\d+)/.exec(pinned) ?? [];
  return aliased ? `npm:${aliased}@${newestVersion(`${aliased}@${major}`)}` : newestVersion(name);
}

function newestVersion(wanted: string): string {
  const answer = execFileSync("npm", ["view", wanted, "version", "--json"], { encoding: "utf8" });
  // Of a major version it is told all there are, in no order.
  const versions: string[] = [JSON.parse(answer)].flat();
  return versions.toSorted((a, b) => a.localeCompare(b, "en", { numeric: true })).at(-1) ?? "";
}

function run(command: string, ...args: string[]): boolean {
  console.log(`\n=== ${command} ${args.join(" ")}`);
  return spawnSync(command, args, { cwd: copy, stdio: "inherit" }).status === 0;
}
