import { type ChildProcess, execFileSync, type StdioOptions, spawn } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import pg from "pg";

/** A PostgreSQL server for tests, or one that is there already. */
export interface PostgresServer {
  /** What `pg.Pool` takes to connect to it. */
  readonly config: pg.PoolConfig;
  /** Whether it is ours to restart. */
  readonly isOwn: boolean;
  /** Ends it as a crash of the machine would, and starts it again with what it had written. */
  crash(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface PostgresServerOptions {
  /** Settings as in postgresql.conf. @default { fsync: "off" } */
  settings?: Record<string, string>;
}

const STARTED_WITHIN_MS = 20_000;
const url = process.env.TOOL_OFFLOAD_POSTGRES_URL;
const binaries = binariesOf();
const user = anyUser();

/** Why no server can be had here; `undefined`: one can. */
export const noPostgres =
  url || binaries
    ? undefined
    : "there is no PostgreSQL on this machine (on Debian: apt-get install postgresql), and no TOOL_OFFLOAD_POSTGRES_URL";

/**
 * Starts a PostgreSQL server of its own, in a directory that goes when it stops, reached by a socket in there.
 * With TOOL_OFFLOAD_POSTGRES_URL it is the one at that address. `undefined`: there is no PostgreSQL here.
 *
 * @example
 * const server = await startPostgres();
 * const pool = new pg.Pool(server?.config);
 */
export async function startPostgres(
  options: PostgresServerOptions = {},
): Promise<PostgresServer | undefined> {
  if (url) return existing(url);
  if (binaries === undefined) return undefined;
  const server = new OwnServer(binaries, options.settings ?? { fsync: "off" });
  await server.start();
  return server;
}

function existing(connectionString: string): PostgresServer {
  const refuse = async () => {
    throw new Error("This server is not ours.");
  };
  return { config: { connectionString }, isOwn: false, crash: refuse, start: refuse, stop: async () => {} };
}

/** Where `initdb` and `postgres` are. */
function binariesOf(): string | undefined {
  return [bindirOf(), ...debianPlaces(), ...(process.env.PATH ?? "").split(delimiter)].find(
    (place) => place && existsSync(join(place, "initdb")) && existsSync(join(place, "postgres")),
  );
}

function bindirOf(): string | undefined {
  try {
    return execFileSync("pg_config", ["--bindir"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return undefined;
  }
}

/** The newest first. */
function debianPlaces(): string[] {
  const root = "/usr/lib/postgresql";
  if (!existsSync(root)) return [];
  const versions = readdirSync(root).sort((one, other) => Number(other) - Number(one));
  return versions.map((version) => join(root, version, "bin"));
}

/**
 * Runs a command until this process ends it, or is gone however it went: it is then killed as by a power cut.
 * What a terminal sends to all of its processes at once is for this one to act upon.
 */
const UNTIL_INPUT_ENDS =
  'trap "" HUP INT TERM; "$@" & child=$!; cat > /dev/null; kill -QUIT $child; wait $child';

class OwnServer implements PostgresServer {
  readonly isOwn = true;
  readonly config: pg.PoolConfig;
  readonly #binaries: string;
  readonly #settings: Record<string, string>;
  readonly #directory: string;
  #process: ChildProcess | undefined;

  constructor(binaries: string, settings: Record<string, string>) {
    this.#binaries = binaries;
    this.#settings = settings;
    this.#directory = mkdtempSync(join(tmpdir(), "tool-offload-pg-"));
    this.config = { host: this.#directory, port: 5432, user: "postgres", database: "postgres" };
    if (isRoot()) chownSync(this.#directory, idOf("-u", user), idOf("-g", user));
    const [command, args] = this.#command("initdb", ["-D", this.#data, "-U", "postgres", "-A", "trust"]);
    execFileSync(command, [...args, "-E", "UTF8", "--no-sync"], { cwd: this.#directory, stdio: "ignore" });
  }

  async start(): Promise<void> {
    const settings = { listen_addresses: "", unix_socket_directories: this.#directory, ...this.#settings };
    const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const [command, args] = this.#command("postgres", ["-D", this.#data, ...flags]);
    const stdio: StdioOptions = ["pipe", "ignore", "ignore"];
    this.#process = spawn("sh", ["-c", UNTIL_INPUT_ENDS, "sh", command, ...args], {
      cwd: this.#directory,
      stdio,
    });
    await this.#answering();
  }

  async crash(): Promise<void> {
    await this.#end();
    await this.start();
  }

  async stop(): Promise<void> {
    await this.#end();
    // What it has forked may still be writing.
    rmSync(this.#directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }

  get #data(): string {
    return join(this.#directory, "data");
  }

  /** PostgreSQL refuses to run as root. */
  #command(name: string, args: string[]): [command: string, args: string[]] {
    const path = join(this.#binaries, name);
    const as = [`--reuid=${user}`, `--regid=${idOf("-g", user)}`, "--clear-groups"];
    return isRoot() ? ["setpriv", [...as, path, ...args]] : [path, args];
  }

  async #end(): Promise<void> {
    const child = this.#process;
    if (child === undefined) return;
    this.#process = undefined;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.stdin?.end();
    await ended;
  }

  async #answering(): Promise<void> {
    const deadline = Date.now() + STARTED_WITHIN_MS;
    while (!(await this.#answers())) {
      if (Date.now() > deadline) throw new Error("PostgreSQL has not started.");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async #answers(): Promise<boolean> {
    const client = new pg.Client(this.config);
    try {
      await client.connect();
      return true;
    } catch {
      return false;
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Debian makes a user for it; elsewhere anybody will do. */
function anyUser(): string {
  try {
    idOf("-u", "postgres");
    return "postgres";
  } catch {
    return "nobody";
  }
}

function idOf(which: "-u" | "-g", name: string): number {
  return Number(execFileSync("id", [which, name], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
}
