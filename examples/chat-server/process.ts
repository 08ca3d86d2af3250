import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export interface ServerOptions {
  /** How long a result waits for others, to be told in one turn with them. */
  coalesceMs?: number;
}

/** A server in a process of its own. It ends with this one, whichever way that ends. */
export class ServerProcess {
  readonly url: string;
  readonly ended: Promise<unknown>;
  readonly #child: ChildProcess;

  private constructor(url: string, child: ChildProcess) {
    this.url = url;
    this.ended = once(child, "exit");
    this.#child = child;
  }

  static async start(folder: string, options: ServerOptions = {}): Promise<ServerProcess> {
    const { coalesceMs = 1_000 } = options;
    const file = fileURLToPath(new URL("./server.ts", import.meta.url));
    const child = fork(file, [folder, "0", String(coalesceMs)]);
    process.once("exit", () => child.kill("SIGKILL"));
    const died = once(child, "exit").then(([code]) => {
      throw new Error(`The server has ended with code ${code}.`);
    });
    const [url] = await Promise.race([once(child, "message"), died]);
    died.catch(() => undefined);
    return new ServerProcess(url, child);
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Without a warning, and at once. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.ended;
  }

  /** In order. */
  async stop(): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.ended;
  }
}
