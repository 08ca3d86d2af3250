import assert from "node:assert/strict";
import { followUpOf } from "tool-offload/adapters/ai-sdk";
import { Browser } from "./browser.ts";
import type { ChatMessage } from "./conversations.ts";
import type { Servers } from "./servers.ts";
import { show, tell } from "./show.ts";
import type { TurnNotes } from "./turn-notes.ts";
import { until } from "./until.ts";
import { textOf } from "./users.ts";

/**
 * Bob asks for a report. While one process tells him of it, he speaks through the other, and his turn begins when that
 * one has ended. False: it had ended before he spoke.
 */
export async function speakMeanwhile(servers: Servers, url: string, notes: TurnNotes): Promise<boolean> {
  const bob = new Browser(url, "bob");
  const before = { messages: (await bob.messages()).length, notes: notes.of("bob").length };
  await lastOf(bob.say("Write me a report on whales."));
  await until(() =>
    notes.of("bob").some(({ what, by }, at) => at >= before.notes && what === "begin" && by === "library"),
  );
  const teller = servers.ofTurn("bob");
  const other = servers.beside(teller);
  tell(`Process ${teller.pid} tells him of it. Meanwhile he speaks through process ${other.pid}.`);
  const answer = await lastOf(new Browser(other.url, "bob").say("And what is the weather in Oslo?"));
  assert.match(textOf(answer), /21/);
  await until(() => notes.of("bob").at(-1)?.what === "end");

  const [, , , ...story] = notes.of("bob").slice(before.notes);
  const inTime = story[1]?.what === "asked";
  if (!inTime) return false;
  // He was heard at once, and waited.
  assert.deepEqual(
    story.map(({ what, by, pid }) => [what, by, pid]),
    [
      ["begin", "library", teller.pid],
      ["asked", null, other.pid],
      ["end", "library", teller.pid],
      ["begin", "user", other.pid],
      ["end", "user", other.pid],
    ],
  );
  const messages = (await bob.messages()).slice(before.messages);
  show("bob", messages);
  const kinds = messages.map((message) => (followUpOf(message) ? "notice" : message.role));
  assert.deepEqual(kinds, ["user", "assistant", "notice", "assistant", "user", "assistant"]);
  return true;
}

/** The answer, once it is whole. */
async function lastOf(answers: AsyncIterable<ChatMessage>): Promise<ChatMessage | undefined> {
  let last: ChatMessage | undefined;
  for await (const answer of answers) last = answer;
  return last;
}
