import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const timeoutMs = Number(process.env.EXAMPLE_TIMEOUT_MS ?? 60_000);
const root = fileURLToPath(new URL("..", import.meta.url));
const wanted = process.argv.slice(2);
/** They want a newer Node, and what is not installed here: see scripts/test-mastra.ts. */
const elsewhere = ["mastra"];
const logs = mkdtempSync(join(tmpdir(), "examples-"));
const logFile = join(logs, "output.txt");
process.on("exit", () => rmSync(logs, { recursive: true, force: true }));

function findExamples(): { name: string; file: string }[] {
  const entries = readdirSync(`${root}/examples`, { withFileTypes: true });
  return entries
    .map((entry) =>
      entry.isDirectory()
        ? { name: entry.name, file: `examples/${entry.name}/main.ts` }
        : { name: entry.name.replace(/\.ts$/, ""), file: `examples/${entry.name}` },
    )
    .filter(({ file }) => file.endsWith(".ts") && existsSync(`${root}/${file}`))
    .sort((a, b) => a.name.localeCompare(b.name));
}

function runExample(file: string): Promise<string | null> {
  return new Promise((resolve) => {
    // A file, not a pipe: a process that the example leaves behind would keep a pipe open.
    const log = openSync(logFile, "w");
    const child = spawn(process.execPath, ["--import", "tsx", file], {
      cwd: root,
      stdio: ["ignore", log, log],
      timeout: timeoutMs,
      killSignal: "SIGKILL",
    });
    closeSync(log);
    child.on("error", (error) => resolve(error.message));
    child.on("exit", (code, signal) => {
      if (signal) resolve(`killed by ${signal}`);
      else resolve(code === 0 ? null : `exit code ${code}`);
    });
  });
}

const examples = findExamples()
  .filter(({ name }) => !elsewhere.includes(name))
  .filter(({ name }) => wanted.length === 0 || wanted.includes(name));
if (examples.length === 0) {
  console.error(`No example found${wanted.length > 0 ? ` named ${wanted.join(", ")}` : ""}.`);
  process.exit(1);
}

let failed = 0;
for (const { name, file } of examples) {
  const startedAt = performance.now();
  const failure = await runExample(file);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  if (failure === null) {
    console.log(`pass  ${name}  (${seconds} s)`);
  } else {
    failed += 1;
    console.log(`FAIL  ${name}  (${seconds} s, ${failure})\n${readFileSync(logFile, "utf8")}`);
  }
}
console.log(`\n${examples.length - failed} of ${examples.length} examples passed`);
process.exitCode = failed === 0 ? 0 : 1;
