import assert from "node:assert/strict";
import { type ServerOptions, ServerProcess } from "./process.ts";
import type { TurnNotes } from "./turn-notes.ts";

/** Two servers on the same files. */
export class Servers {
  readonly all: ServerProcess[] = [];
  readonly #folder: string;
  readonly #notes: TurnNotes;

  constructor(folder: string, notes: TurnNotes) {
    this.#folder = folder;
    this.#notes = notes;
  }

  /** Those that are not there, or not any more. */
  async start(options?: ServerOptions): Promise<void> {
    const started = [0, 1].map(async (place) => {
      if (!this.all[place]?.isAlive) this.all[place] = await ServerProcess.start(this.#folder, options);
    });
    await Promise.all(started);
  }

  get pids(): string {
    return this.all.map(({ pid }) => pid).join(" and ");
  }

  /** The one that runs a user's turn, or has run the last one. */
  ofTurn(user: string): ServerProcess {
    const begun = this.#notes.of(user).findLast(({ what }) => what === "begin");
    const server = this.all.find(({ pid }) => pid === begun?.pid);
    assert(server);
    return server;
  }

  /** The other one. */
  beside(server: ServerProcess): ServerProcess {
    const other = this.all.find((one) => one !== server);
    assert(other);
    return other;
  }

  /** Without a warning, and at once. */
  async kill(server: ServerProcess): Promise<void> {
    await server.kill();
    this.#notes.add("died", {}, server.pid);
  }

  /** In order. */
  async stop(): Promise<void> {
    await Promise.all(this.all.map((server) => server.stop()));
  }
}
