import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { patiently } from "./waiting.ts";

const running = new Set<ChildProcess>();

process.on("exit", killWorkers);

/** One that is frozen ends in no other way. */
export function killWorkers(): void {
  for (const child of running) child.kill("SIGKILL");
}

/** What a worker is told to do. */
export type Order = "rest" | "gather" | "stop" | { stepMs: number };

/** A worker in a process of its own. What is awaited here comes when the process ends, too. */
export class Worker {
  /** It begins. */
  readonly ready: Promise<void>;
  /** It has started its tasks. */
  readonly started: Promise<void>;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #endedAt: number | undefined;
  #isKilled = false;

  constructor(script: string, options: object) {
    this.#child = fork(script, [JSON.stringify(options)], {
      execArgv: ["--enable-source-maps"],
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    running.add(this.#child);
    this.#ended = once(this.#child, "exit").then(() => {
      running.delete(this.#child);
      this.#endedAt = Date.now();
    });
    this.ready = this.#says("ready");
    this.started = this.#says("started");
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** When it was cut short, by us or by a fault of its own. */
  get brokenOffAt(): number | undefined {
    return this.#child.exitCode === 0 ? undefined : this.#endedAt;
  }

  /** It has ended by itself, or does not end at all. */
  get isFaulty(): boolean {
    return this.#child.exitCode !== 0 && !this.#isKilled;
  }

  /** Resolves when it has taken its last turn. */
  async rest(): Promise<void> {
    this.#tell("rest");
    await this.#says("resting");
  }

  /** Resolves when each of its users has spoken once more. */
  async gather(): Promise<void> {
    this.#tell("gather");
    await this.#says("gathered");
  }

  freeze(): void {
    this.#child.kill("SIGSTOP");
  }

  wake(): void {
    this.#child.kill("SIGCONT");
  }

  /** Sets its wall clock ahead, or back. */
  step(ms: number): void {
    this.#tell({ stepMs: ms });
  }

  async kill(): Promise<void> {
    this.#isKilled = true;
    this.#child.kill("SIGKILL");
    await this.#ended;
  }

  /** Ends it in order. */
  async stop(): Promise<void> {
    this.#tell("stop");
    await patiently(this.#ended);
  }

  #tell(order: Order): void {
    if (this.#child.connected) this.#child.send(order);
  }

  #says(message: string): Promise<void> {
    const heard = new Promise<void>((resolve) => {
      this.#child.on("message", (said) => said === message && resolve());
    });
    return patiently(Promise.race([heard, this.#ended]));
  }
}
