import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import type { ToolContext } from "tool-offload";
import { startCommand } from "./processes.ts";

/** Runs a shell command. Its output streams into the task; a line like "2/5 …" is also its progress. */
export const shell = {
  name: "shell",
  async execute({ command }: { command: string }, { signal, write, report }: ToolContext): Promise<string> {
    const { child, closed, stop } = startCommand(command);
    signal.addEventListener("abort", stop, { once: true });
    const output: string[] = [];
    const read = async () => {
      for await (const line of createInterface({ input: child.stdout })) {
        output.push(line);
        write(`${line}\n`);
        const [, value, total, message] = /^(\d+)\/(\d+) (.*)$/.exec(line) ?? [];
        if (message) report({ value: Number(value), total: Number(total), message });
      }
    };
    const [[code], complaints] = await Promise.all([closed, text(child.stderr), read()]);
    signal.throwIfAborted();
    if (code !== 0) throw new Error(`exit code ${code}: ${complaints.trim()}`);
    return output.join("\n");
  },
};

/** Fetches a page. */
export const fetchPage = {
  name: "fetch_page",
  async execute(
    { url }: { url: string },
    { signal }: ToolContext,
  ): Promise<{ status: number; body: string }> {
    const response = await fetch(url, { signal });
    return { status: response.status, body: await response.text() };
  },
};

/** Waits, and says how far it is. */
export const wait = {
  name: "wait",
  async execute({ seconds }: { seconds: number }, { signal, report }: ToolContext): Promise<string> {
    const steps = Math.min(60, Math.max(1, Math.ceil(seconds)));
    for (let step = 1; step <= steps; step += 1) {
      await sleep((seconds * 1_000) / steps, undefined, { signal });
      report({ value: step, total: steps });
    }
    return `waited ${seconds} s`;
  },
};
