/**
 * Two users chat at once with an agent on the AI SDK. Each asks for something slow and something fast, and goes
 * away. Meanwhile a task completes, and the server is killed before that is told, in the middle of another task; and
 * once more as it tells of that one. When they come back, the answers are there, once.
 *
 * The model is a mock, unless AI_GATEWAY_API_KEY is set. The server, its tools and its two SQLite files are real.
 * With `--serve` it stays up for your browser.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { followUpOf } from "tool-offload/adapters/ai-sdk";
import { Browser } from "./browser.ts";
import { Conversations } from "./conversations.ts";
import { openDatabase } from "./database.ts";
import { ServerProcess } from "./process.ts";
import { serve } from "./serve.ts";
import { show, tell } from "./show.ts";
import { askAsAda, askAsBob, textOf } from "./users.ts";

const folder = mkdtempSync(join(tmpdir(), "chat-server-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
if (process.argv.includes("--serve")) await serve(folder);

// This one waits long before it tells anything, so that it dies first.
let server = await ServerProcess.start(folder, { coalesceMs: 20_000 });
tell(`The server is process ${server.pid}. Ada and Bob open its page, and ask at once.`);
const [stars, report] = await Promise.all([askAsAda(server.url), askAsBob(server.url)]);
tell("Both have gone away.");

// From here on they are only looked after from outside, until they are back.
let [ada, bob] = lookIn();
await until(async () => (await bob.messages()).length === 2);
await bob.result(report);
const [counting, written] = await Promise.all([ada.task(stars), bob.task(report)]);
await server.kill();
assert.deepEqual([written.status, written.followUp.status], ["completed", "pending"]);
assert.equal(counting.status, "running");
tell(`Bob's report is written, and he has not been told. Ada's count is at ${counting.progress?.message}.`);
tell(`Process ${server.pid} is killed. In its files there is no answer but the first one:`);
const left = new Conversations(await openDatabase(join(folder, "chats.db")));
for (const userId of ["ada", "bob"]) {
  const messages = left.read({ userId, sessionId: "main" });
  assert.deepEqual(
    messages.map(({ role }) => role),
    ["user", "assistant"],
  );
  show(userId, messages);
}

server = await ServerProcess.start(folder);
tell(`The server is process ${server.pid} now, on the same files.`);
[ada, bob] = lookIn();
await until(async () => (await bob.task(report)).followUp.status === "delivered");
tell("Bob's report is told.");
await until(async () => (await ada.messages()).length === 4);
await server.kill();
tell(`Ada's count went on from there, and is told. Process ${server.pid} is killed in the same moment.`);

server = await ServerProcess.start(folder);
tell(`The server is process ${server.pid} now.`);
[ada, bob] = lookIn();
await until(async () => (await ada.task(stars)).followUp.status === "delivered");
const { attempts } = (await ada.task(stars)).followUp;
tell(`Ada's count was delivered ${attempts === 1 ? "once" : `${attempts} times`}.`);

tell("They come back.");
for (const [user, browser, id, answer] of [
  ["ada", ada, stars, /9,?096/],
  ["bob", bob, report, /All about penguins/],
] as const) {
  const messages = await browser.messages();
  show(user, messages);

  // A question, an answer without the slow result, that result, and an answer with it. Nothing twice.
  const kinds = messages.map((message) => (followUpOf(message) ? "notice" : message.role));
  assert.deepEqual(kinds, ["user", "assistant", "notice", "assistant"]);
  const told = messages.flatMap((message) => followUpOf(message)?.tasks ?? []);
  assert.deepEqual(
    told.map((task) => [task.id, task.status]),
    [[id, "completed"]],
  );
  assert.match(textOf(messages.at(-1)), answer);

  // Nothing of the other one's.
  const mine = await browser.tasks();
  assert.deepEqual(
    mine.map((task) => task.id),
    [id],
  );
  const other = id === stars ? report : stars;
  assert.equal((await browser.get(`/background-tasks/${other}`)).status, 404);
}

// The second process has gone on from the page at which the first one was killed.
const events = await ada.events(stars);
const pages = events.flatMap((event) => (event.type === "task.progress" ? [event.progress.value] : []));
assert.deepEqual(pages, [...new Set(pages)], "no page was counted twice");

await server.stop();
tell("All is told, and nothing twice.");

function lookIn(): [ada: Browser, bob: Browser] {
  return [new Browser(server.url, "ada"), new Browser(server.url, "bob")];
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  for (const giveUpAt = Date.now() + 20_000; !(await isTrue()); await sleep(20)) {
    assert(Date.now() < giveUpAt, `This has not come true within 20 s: ${isTrue}`);
  }
}
