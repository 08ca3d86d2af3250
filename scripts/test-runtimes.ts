/**
 * A smoke test under other runtimes: test/runtimes/main.ts, against `dist`. Bun and Deno come from the npm registry.
 * `npm run test:runtimes -- deno` runs only what is named.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const RUNTIMES: Record<string, { command: string[]; run: string[] }> = {
  node: { command: [process.execPath], run: ["--import", "tsx"] },
  bun: { command: ["npx", "--yes", "bun@1.4"], run: ["run"] },
  // Of all it may ask for, the program is allowed files (its packages) and a server of its own.
  deno: {
    command: ["npx", "--yes", "deno@2"],
    run: ["run", "--no-prompt", "--allow-read", "--allow-env", "--allow-net=127.0.0.1"],
  },
};
/** It waits for nothing longer than ten seconds. */
const TIMEOUT_MS = 120_000;

const root = fileURLToPath(new URL("..", import.meta.url));
const named = process.argv.slice(2);
const unknown = named.filter((name) => !(name in RUNTIMES));
if (unknown.length > 0) {
  console.error(`There is no runtime ${unknown.join(", ")}; there are ${Object.keys(RUNTIMES).join(", ")}.`);
  process.exit(1);
}

const summary = Object.entries(RUNTIMES)
  .filter(([name]) => named.length === 0 || named.includes(name))
  .map(([name, { command, run }]) => {
    // The first run installs it; this one also says which version it is.
    const version = start([...command, "--version"], "pipe").stdout?.split("\n")[0] ?? "";
    console.log(`\n=== ${name}: ${version || "could not be started"}`);
    const { status } = start([...command, ...run, "test/runtimes/main.ts"], "inherit");
    return { name, version, passed: version !== "" && status === 0 };
  });

console.log("\n=== Summary");
for (const { name, version, passed } of summary) {
  console.log(`${passed ? "pass" : "FAIL"}  ${name}  ${version}`);
}
process.exitCode = summary.every(({ passed }) => passed) ? 0 : 1;

function start([command = "", ...args]: string[], stdout: "pipe" | "inherit") {
  return spawnSync(command, args, {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", stdout, "inherit"],
    timeout: TIMEOUT_MS,
  });
}
