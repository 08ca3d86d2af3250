import type { Page } from "playwright-core";
import { expect } from "vitest";
import { until } from "../support/until.ts";
import type { Call, Failure, Recording, recorder } from "./recorder.ts";

type Recorder = typeof recorder;
export type Ask = (name: string, args: unknown[]) => Promise<unknown>;

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
