import assert from "node:assert/strict";
import { styleText } from "node:util";

type Style = Parameters<typeof styleText>[0];

const VOICES = {
  user: "bold",
  agent: "cyan",
  model: "magenta",
  task: "yellow",
  host: "blue",
  http: "green",
} as const satisfies Record<string, Style>;

export type Voice = keyof typeof VOICES;

const isColoured = process.stdout.isTTY === true && !process.env.NO_COLOR;
const width = Math.min(process.stdout.columns || 100, 110);
const startedAt = performance.now();
const MARGIN = " ".repeat(16);

/** The title of what follows. */
export function scene(title: string): void {
  console.log(`\n${paint("bold", title)}`);
}

/** A line of the play: when, who, what. */
export function say(voice: Voice, text: string): void {
  const at = ((performance.now() - startedAt) / 1_000).toFixed(2).padStart(6);
  const [first = "", ...rest] = wrapped(text, width - MARGIN.length);
  console.log(`${paint("dim", `${at} s`)}  ${paint(VOICES[voice], voice.padEnd(6))}${first}`);
  for (const line of rest) console.log(MARGIN + line);
}

/** Prints what is claimed once it has been checked; ends the demo where it is not true. */
export function claim(text: string, isTrue: boolean): asserts isTrue {
  assert.ok(isTrue, `Not as the demo says: ${text}`);
  console.log(`${" ".repeat(10)}${paint("green", "  ok")}  ${wrapped(text, width - 16).join(`\n${MARGIN}`)}`);
}

/** A text as one short line. */
export function short(text: string, length = 72): string {
  const line = text.trim().replaceAll(/\s+/g, " ");
  return line.length <= length ? line : `${line.slice(0, length - 1)}…`;
}

function paint(style: Style, text: string): string {
  return isColoured ? styleText(style, text) : text;
}

function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split("\n")) {
    let line = "";
    for (const word of paragraph.split(" ")) {
      if (line && line.length + 1 + word.length > columns) lines.push(line);
      line = line && line.length + 1 + word.length <= columns ? `${line} ${word}` : word;
    }
    lines.push(line);
  }
  return lines;
}
