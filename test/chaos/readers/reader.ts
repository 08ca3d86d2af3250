/** A reader that is cut again and again, and comes back for what it has not heard. */

import { get, type IncomingMessage } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

export interface Target {
  port: number;
  id: string;
}

/** More than any stream has. */
const ALL = Number.POSITIVE_INFINITY;
/** Milliseconds until it comes back, at most: the server may be away. */
const BACK_MS = 200;
const MOST_BYTES = 900;

export class Reader {
  /** The numbers of the events that it has heard, in that order. */
  readonly heard: number[] = [];
  /** How often it was told that events are missing. */
  truncated = 0;
  cuts = 0;
  isDone = false;
  readonly #target: Target;
  readonly #random: () => number;

  constructor(target: Target, random: () => number) {
    this.#target = target;
    this.#random = random;
  }

  /** Reads until there is nothing more to come for, cut so often at random bytes. */
  async read(cuts: number): Promise<void> {
    for (;;) {
      const isCut = this.cuts < cuts;
      const status = await this.#visit(isCut ? 1 + Math.floor(this.#random() * MOST_BYTES) : ALL);
      if (status === 204) break;
      await sleep(this.#random() * BACK_MS);
    }
    this.isDone = true;
  }

  /** Returns the status; 0 where nobody answers. */
  #visit(most: number): Promise<number> {
    return new Promise((resolve) => {
      const request = get(this.#options(), (response) => {
        const { statusCode = 0 } = response;
        this.#hear(response, most);
        response.on("error", () => undefined).on("close", () => resolve(statusCode));
      });
      request.on("error", () => resolve(0));
    });
  }

  #options() {
    const { port, id } = this.#target;
    const last = String(this.heard.at(-1) ?? 0);
    const isByHeader = this.#random() < 0.5;
    const path = `/background-tasks/${id}/events${isByHeader ? "" : `?after=${last}`}`;
    const headers = { Accept: "text/event-stream", ...(isByHeader && { "Last-Event-ID": last }) };
    return { host: "127.0.0.1", port, path, headers, agent: false as const };
  }

  #hear(response: IncomingMessage, most: number): void {
    let left = most;
    let text = "";
    response.on("data", (chunk: Buffer) => {
      if (left <= 0) return;
      text = this.#understand(text + chunk.subarray(0, left).toString("latin1"));
      left -= chunk.length;
      if (left > 0) return;
      this.cuts += 1;
      response.destroy();
    });
    response.resume();
  }

  /** Returns what is not whole yet. */
  #understand(text: string): string {
    const messages = text.split("\n\n");
    const rest = messages.pop() ?? "";
    for (const message of messages) {
      const [, id] = /^id: (\d+)$/m.exec(message) ?? [];
      if (id !== undefined) this.heard.push(Number(id));
      if (message.startsWith("event: truncated")) this.truncated += 1;
    }
    return rest;
  }
}
