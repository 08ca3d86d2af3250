/**
 * Mastra wants a newer Node than this library, and is large: it is installed beside its own tests, which run under
 * a Node from the npm registry. With "bench": what a wrapped call costs in Mastra's loop, in place of the tests.
 */
import { spawnSync } from "node:child_process";
import { existsSync, symlinkSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = `${root}test/adapters/mastra`;
const major = Number(process.versions.node.split(".")[0]);
const node = major >= 24 ? [process.execPath] : ["npx", "--yes", "--package", "node@24", "--", "node"];

function run(title: string, [command = "", ...args]: string[], cwd = root, env = {}): void {
  console.log(`\n=== ${title}`);
  const options = { cwd, stdio: "inherit", env: { ...process.env, ...env } } as const;
  const { status } = spawnSync(command, args, options);
  if (status === 0) return;
  console.error(`FAIL  ${title}`);
  process.exit(1);
}

/** The example finds Mastra where the tests do. */
function linkExample(): void {
  const link = `${root}examples/mastra/node_modules`;
  if (!existsSync(link)) symlinkSync(`${folder}/node_modules`, link, "junction");
}

const loud = ["error", "--no-audit", "--no-fund", "--no-package-lock"];
run("Install Mastra", ["npm", "install", "--loglevel", ...loud], folder);
linkExample();
if (process.argv.includes("bench")) {
  const env = { TSX_TSCONFIG_PATH: `${folder}/tsconfig.json` };
  run("Benchmark", [...node, "--expose-gc", "--import", "tsx", `${folder}/bench.ts`], root, env);
} else {
  run("Types", ["npx", "tsc", "-p", folder]);
  const vitest = ["node_modules/vitest/vitest.mjs", "run", "--config", `${folder}/vitest.config.ts`];
  run("Tests", [...node, ...vitest]);
  run("Example", [...node, "examples/mastra/main.ts"]);
}
