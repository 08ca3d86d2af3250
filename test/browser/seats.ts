/** Where the client runs: in a page of a real Chromium, or in a worker of this Node. */

import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { build } from "esbuild";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect } from "vitest";
import { describeChromium, startChromium } from "../support/chromium.ts";
import { until } from "../support/until.ts";
import type { Call, Failure, Recording, recorder } from "./recorder.ts";

type Recorder = typeof recorder;
type Ask = (name: string, args: unknown[]) => Promise<unknown>;

/** A client somewhere else. */
export class Seat {
  /** The page; `undefined` in Node. */
  readonly page: Page | undefined;
  readonly #ask: Ask;

  constructor(ask: Ask, page?: Page) {
    this.#ask = ask;
    this.page = page;
  }

  async do<Name extends keyof Recorder>(name: Name, ...args: Parameters<Recorder[Name]>) {
    return (await this.#ask(name, args)) as Awaited<ReturnType<Recorder[Name]>>;
  }

  async call<Value>(name: Call, ...args: unknown[]): Promise<Value> {
    const said = await this.do("call", name, ...args);
    if ("error" in said) throw Object.assign(new Error(said.error.message), said.error);
    return said.value as Value;
  }

  /** How a call fails in the end. Between its tries time is put forward. */
  async fails(name: Call, ...args: unknown[]): Promise<Failure> {
    let isOver = false;
    const over = this.do("call", name, ...args).finally(() => {
      isOver = true;
    });
    await until(async () => {
      if (!isOver) await this.do("forward", 1_000);
      expect(isOver).toBe(true);
    });
    const said = await over;
    if (!("error" in said)) throw new Error(`${name} did not fail.`);
    return said.error;
  }

  async heard<News>(name: string): Promise<Recording<News>> {
    return (await this.do("heard", name)) as Recording<News>;
  }

  /** What was heard, as soon as that is enough. */
  hears<News>(name: string, check: (recording: Recording<News>) => void): Promise<Recording<News>> {
    return until(async () => {
      const recording = await this.heard<News>(name);
      check(recording);
      return recording;
    });
  }
}

export interface Place {
  name: string;
  /** A client that has been opened nowhere yet; `origin` serves its page. */
  seat(origin: string): Promise<Seat>;
  /** Another of the same user. */
  context(): BrowserContext;
}

let bundled: Promise<string> | undefined;

/** The client, with its own time and with what records it, as one file. */
export function recorderText(): Promise<string> {
  bundled ??= bundle();
  return bundled;
}

async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [pathOf("recorder.ts")],
    inject: [pathOf("forward.ts")],
    bundle: true,
    format: "esm",
    write: false,
  });
  return outputFiles[0]?.text ?? "";
}

function pathOf(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

/** Runs tests in both; one browser for them all, and nothing is left of a test when it ends. */
export function inBothPlaces(run: (place: Place) => void): void {
  inChromium(run);
  describe("in Node", () => {
    const workers: Worker[] = [];
    afterEach(async () => void (await Promise.all(workers.splice(0).map((worker) => worker.terminate()))));
    const context = () => {
      throw new Error("There are no tabs in Node.");
    };
    run({ name: "Node", context, seat: async () => seatInNode(workers) });
  });
}

function inChromium(run: (place: Place) => void): void {
  describeChromium("in Chromium", () => {
    let browser: Browser;
    let context: BrowserContext | undefined;
    beforeAll(async () => {
      browser = await startChromium();
    });
    afterEach(async () => {
      await context?.close();
      context = undefined;
    });
    afterAll(() => browser.close());
    const seat = async (origin: string) => {
      context ??= await browser.newContext();
      const page = await context.newPage();
      await page.goto(origin);
      await page.waitForFunction("globalThis.recorder !== undefined");
      const ask: Ask = (name, args) => page.evaluate(ASK, [name, args] as const);
      return new Seat(ask, page);
    };
    run({ name: "Chromium", seat, context: () => context as BrowserContext });
  });
}

/** In the page, of whose globals nothing is known here. */
const ASK = ([name, args]: readonly [string, unknown[]]) =>
  // biome-ignore lint/suspicious/noExplicitAny: see above
  (globalThis as any).recorder[name](...args);

async function seatInNode(workers: Worker[]): Promise<Seat> {
  const directory = mkdtempSync(join(tmpdir(), "tool-offload-worker-"));
  const file = join(directory, "worker.mjs");
  writeFileSync(file, (await recorderText()) + ANSWERS);
  const worker = new Worker(file);
  workers.push(worker);
  await once(worker, "message");
  rmSync(directory, { recursive: true });
  const waiting = new Map<number, (value: unknown) => void>();
  worker.on("message", ({ id, value }) => waiting.get(id)?.(value));
  let asked = 0;
  return new Seat((name, args) => {
    const id = asked++;
    worker.postMessage({ id, name, args });
    return new Promise((resolve) => waiting.set(id, resolve));
  });
}

const ANSWERS = `
import { parentPort } from "node:worker_threads";
parentPort.on("message", async ({ id, name, args }) => {
  parentPort.postMessage({ id, value: await recorder[name](...args) });
});
parentPort.postMessage({});`;
