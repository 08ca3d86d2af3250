/** Next.js is large: its example is copied, gets this project's tarball, and is built, started and visited there. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type HeadersOf, visit } from "../examples/servers/visit.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const app = mkdtempSync(join(tmpdir(), "tool-offload-next-"));
const env = { ...process.env, NEXT_TELEMETRY_DISABLED: "1", NODE_ENV: "production" };
process.on("exit", () => rmSync(app, { recursive: true, force: true }));

cpSync(join(root, "examples/servers/next"), app, { recursive: true });
const packed = execFileSync("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", app], {
  cwd: root,
});
const [{ filename }] = JSON.parse(packed.toString()) as [{ filename: string }];
run("npm", "install", "--loglevel", "error", "--no-audit", "--no-fund", "--include", "dev", `./${filename}`);
run("npx", "next", "build");

const port = await freePort();
const server = spawn("node_modules/.bin/next", ["start", "--port", String(port)], {
  cwd: app,
  env,
  stdio: "inherit",
});
const died = once(server, "exit").then(() => Promise.reject(new Error("Next.js has ended by itself.")));
try {
  const origin = `http://127.0.0.1:${port}`;
  const url = `${origin}/background-tasks`;
  await Promise.race([untilReached(`${url}/health`), died]);
  // As a page of its own sends them.
  const headersOf: HeadersOf = (user) => ({ Cookie: `session=${user}-session`, Origin: origin });
  await Promise.race([visit(url, headersOf), died]);
  console.log("pass  Next.js");
} finally {
  died.catch(() => undefined);
  server.kill();
}

function run(command: string, ...args: string[]): void {
  console.log(`\n=== ${command} ${args.join(" ")}`);
  execFileSync(command, args, { cwd: app, env, stdio: "inherit" });
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  return typeof address === "object" && address ? address.port : 0;
}

async function untilReached(url: string): Promise<void> {
  while (
    !(await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    ))
  ) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
