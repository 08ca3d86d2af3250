import assert from "node:assert/strict";
import { isPlaceholder } from "tool-offload/adapters/ai-sdk";
import { Browser } from "./browser.ts";
import type { ChatMessage } from "./conversations.ts";

/** Ada reads the answer to its end, and closes the page. Answers the id of the task that her slow call has become. */
export async function askAsAda(url: string): Promise<string> {
  const browser = new Browser(url, "ada");
  await browser.watch();
  let answer: ChatMessage | undefined;
  for await (const soFar of browser.say("How many stars are there, and what is the weather in Paris?")) {
    answer = soFar;
  }
  browser.close();
  assert.match(textOf(answer), /21/);
  return slowTask(answer);
}

/** Bob does not wait for the end of the sentence. */
export async function askAsBob(url: string): Promise<string> {
  const browser = new Browser(url, "bob");
  await browser.watch();
  for await (const answer of browser.say("Write me a report on penguins, and tell me the weather in Rome.")) {
    if (!textOf(answer).includes(" ")) continue;
    browser.close();
    return slowTask(answer);
  }
  throw new Error("Bob was told nothing.");
}

export function textOf(message: ChatMessage | undefined): string {
  return message?.parts.map((part) => (part.type === "text" ? part.text : "")).join("") ?? "";
}

/** One of the two calls has its value, and the other one has become a task. */
function slowTask(answer: ChatMessage | undefined): string {
  const outputs = answer?.parts.flatMap((part) => ("output" in part ? [part.output] : [])) ?? [];
  const [placeholder, ...more] = outputs.filter(isPlaceholder);
  assert(placeholder);
  assert.deepEqual([outputs.length, more.length], [2, 0]);
  return placeholder.taskId;
}
