import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const ownMajor = process.versions.node.split(".")[0];
const versions = process.argv.length > 2 ? process.argv.slice(2) : ["20", "22", "24", "26"];

function runNode(version: string, args: string[], stdio: "pipe" | "inherit") {
  const [command, prefix] =
    version === ownMajor
      ? [process.execPath, []]
      : ["npx", ["--yes", "--package", `node@${version}`, "--", "node"]];
  return spawnSync(command, [...prefix, ...args], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", stdio, "inherit"],
  });
}

const summary: { version: string; passed: boolean }[] = [];
for (const wanted of versions) {
  const probe = runNode(wanted, ["--print", "process.version"], "pipe");
  const version = probe.status === 0 ? probe.stdout.trim() : "";
  console.log(`\n=== Node ${wanted}: ${version || "could not be started"}`);
  const matches = version === `v${wanted}` || version.startsWith(`v${wanted}.`);
  const passed =
    matches && runNode(wanted, ["node_modules/vitest/vitest.mjs", "run"], "inherit").status === 0;
  summary.push({ version: version || wanted, passed });
}

console.log("\n=== Summary");
for (const { version, passed } of summary) console.log(`${passed ? "pass" : "FAIL"}  ${version}`);
process.exitCode = summary.every(({ passed }) => passed) ? 0 : 1;
