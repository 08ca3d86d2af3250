/**
 * Two users chat at once with an agent on the AI SDK. Two processes serve its page, and requests go to either in turn.
 * Each user asks for something slow and something fast, and goes away. Both processes are killed before they have told
 * anything, in the middle of a task; later one just after it has told a result, and one while it does. When the users
 * come back, the answers are there, once. And no chat ever has two turns, even if its user speaks through one process
 * while a turn that nobody has asked for runs in the other.
 *
 * The model is a mock, unless AI_GATEWAY_API_KEY is set. The servers, their tools and their two SQLite files are real.
 * With `--serve` they stay up for your browser.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { followUpOf } from "tool-offload/adapters/ai-sdk";
import { Browser } from "./browser.ts";
import { Conversations } from "./conversations.ts";
import { openDatabase } from "./database.ts";
import { startFront } from "./front.ts";
import { speakMeanwhile } from "./meanwhile.ts";
import { serve } from "./serve.ts";
import { Servers } from "./servers.ts";
import { show, tell } from "./show.ts";
import { assertOneAtATime, TurnNotes } from "./turn-notes.ts";
import { until } from "./until.ts";
import { askAsAda, askAsBob, textOf } from "./users.ts";

const folder = mkdtempSync(join(tmpdir(), "chat-server-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
const database = await openDatabase(join(folder, "chats.db"));
const conversations = new Conversations(database);
const notes = new TurnNotes(database);
if (process.argv.includes("--serve")) await serve(folder);

// These two wait long before they tell anything, so that they die first.
const servers = new Servers(folder, notes);
await servers.start({ coalesceMs: 20_000 });
const front = await startFront(servers.all);
tell(`The servers are processes ${servers.pids}. Ada and Bob open their page, and ask at once.`);
const [stars, report] = await Promise.all([askAsAda(front.url), askAsBob(front.url)]);
tell("Both have gone away.");

// From here on they are only looked after from outside, until they are back.
const [ada, bob] = [new Browser(front.url, "ada"), new Browser(front.url, "bob")];
await until(async () => (await bob.messages()).length === 2);
await bob.result(report);
const [counting, written] = await Promise.all([ada.task(stars), bob.task(report)]);
for (const server of servers.all) await servers.kill(server);
assert.deepEqual([written.status, written.followUp.status], ["completed", "pending"]);
assert.equal(counting.status, "running");
tell(`Bob's report is written, and he has not been told. Ada's count is at ${counting.progress?.message}.`);
tell("Both processes are killed. In their files there is no answer but the first one:");
for (const userId of ["ada", "bob"]) {
  const messages = conversations.read({ userId, sessionId: "main" });
  assert.deepEqual(
    messages.map(({ role }) => role),
    ["user", "assistant"],
  );
  show(userId, messages);
}

await servers.start();
tell(`The servers are processes ${servers.pids} now, on the same files.`);
await until(async () => (await bob.messages()).length === 4);
const first = servers.ofTurn("bob");
await servers.kill(first);
tell(`Bob's report is told. Process ${first.pid}, which has told it, is killed in the same moment.`);

await servers.start();
tell(`The servers are processes ${servers.pids} now.`);
await until(async () => (await ada.messages()).length > 2);
const second = servers.ofTurn("ada");
await servers.kill(second);
tell(`Ada's count went on from there. Process ${second.pid} is killed while it tells her.`);
await until(async () => (await ada.task(stars)).followUp.status === "delivered");
await until(async () => (await bob.task(report)).followUp.status === "delivered");
tell(`Process ${servers.ofTurn("ada").pid} has told her instead.`);

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

// Each process has gone on from the page at which the one before was killed.
const events = await ada.events(stars);
const pages = events.flatMap((event) => (event.type === "task.progress" ? [event.progress.value] : []));
assert.deepEqual(pages, [...new Set(pages)], "no page was counted twice");

await servers.start();
tell(`The servers are processes ${servers.pids} now. Bob wants another report.`);
// On a slow machine he may be too late; then he tries again.
while (!(await speakMeanwhile(servers, front.url, notes))) tell("That turn had ended already. Once more.");
assertOneAtATime(notes.read());
const pids = notes.read().flatMap(({ what, pid }) => (what === "begin" ? [pid] : []));
tell(`${pids.length} turns ran in ${new Set(pids).size} processes, and no chat had two at a time.`);

await servers.stop();
front.close();
tell("All is told, and nothing twice.");
