import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { fenced, root, type Snippet } from "./snippets/extract.ts";
import { broken, Workshop } from "./snippets/run.ts";
import { type PostgresServer, startPostgres } from "./support/postgres-server.ts";
import { noRedis, startRedis } from "./support/redis-server.ts";

const diffs = fenced("diff").map(({ code }) => code);
const quickstart = readFileSync(join(root, "examples/quickstart.ts"), "utf8");

/** The program after each step; the steps on the page about stores follow one another. */
const programs: string[] = [];
for (const diff of diffs) programs.push(patched(programs.at(-1) ?? quickstart, diff));
const [onNodeSqlite = "", onLibsql = "", onRedis = "", onPostgres = ""] = programs;
const hasNodeSqlite = process.getBuiltinModule?.("node:sqlite") !== undefined;

/** Applies the hunks of a diff one after the other. Throws where one does not fit. */
function patched(code: string, diff: string): string {
  return diff.split(/^@@\n/m).reduce((text, hunk) => {
    const lines = hunk.trimEnd().split("\n");
    const side = (other: string) =>
      lines.flatMap((line) => (line.startsWith(other) ? [] : `${line.slice(1)}\n`)).join("");
    const before = side("+");
    if (!text.includes(before)) throw new Error(`The page changes what is not there:\n${before}`);
    return text.replace(before, () => side("-"));
  }, code);
}

describe("moving from store to store", () => {
  const folder = mkdtempSync(join(tmpdir(), "moving-"));
  const workshop = new Workshop();
  afterAll(() => {
    workshop.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const run = async (code: string, env: Record<string, string> = {}) => {
    const program: Snippet = {
      place: "README.md",
      code: code.replace('"tasks.db"', JSON.stringify(join(folder, `${Math.random()}.db`))),
      typesOnly: false,
    };
    return broken(program, await workshop.run(program, env));
  };

  test("the README takes the first program to each of them, in a few lines each", () => {
    expect(programs).toHaveLength(4);
    for (const diff of diffs) expect(diff.match(/^[+-]/gm)?.length).toBeLessThanOrEqual(10);
  });

  test.skipIf(!hasNodeSqlite)("to SQLite, with that of Node", async () => {
    expect(await run(onNodeSqlite)).toEqual([]);
  });

  test("to SQLite, with libsql", async () => {
    expect(await run(onLibsql)).toEqual([]);
  });

  test("to Redis", async ({ skip }) => {
    if (noRedis !== undefined) return missing(noRedis, skip);
    const server = await startRedis();
    try {
      expect(await run(onRedis, { REDIS_URL: `redis://127.0.0.1:${server.port}` })).toEqual([]);
    } finally {
      await server.stop();
    }
  });

  test("to PostgreSQL", async ({ skip }) => {
    const server = await startPostgres();
    if (server === undefined) return missing("there is no PostgreSQL on this machine", skip);
    try {
      expect(await run(onPostgres, { DATABASE_URL: urlOf(server) })).toEqual([]);
    } finally {
      await server.stop();
    }
  });
});

function missing(why: string, skip: (why: string) => void): void {
  if (process.env.CI === "true") throw new Error(`This cannot be tested: ${why}.`);
  skip(why);
}

function urlOf({ config }: PostgresServer): string {
  if (config.connectionString !== undefined) return config.connectionString;
  const { host = "", port = 5432, user = "postgres", database = "postgres" } = config;
  return `postgresql://${user}@/${database}?host=${encodeURIComponent(host)}&port=${port}`;
}
