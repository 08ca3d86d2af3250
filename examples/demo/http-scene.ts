import type { TaskInfo } from "tool-offload";
import type { SlowTasks } from "./scenes.ts";
import type { Stage } from "./stage.ts";
import { claim, say, scene } from "./terminal.ts";

type Ask = (
  token: string | null,
  path: string,
  init?: RequestInit,
) => Promise<{ status: number; text: string }>;

const ADA = "token-of-ada";
const BOB = "token-of-bob";

export async function overHttp(stage: Stage, { tests, nap }: SlowTasks): Promise<void> {
  scene("9. The same tasks over HTTP, asked for by two users");
  const { bob, tools } = stage;
  await bob.hear("Tell me when the tea is ready.");
  const tea = await bob.use(tools.wait, { seconds: 600 });
  claim("Bob has a task of his own.", tea.status === "offloaded");
  await bob.answer("I will.");

  const ask = askFrom(stage.api.url);
  await listing(ask, tea.task);
  await foreign(ask, tests);
  await reading(ask, tests, tea.task);
  await cancelling(ask, nap, tea.task);
}

async function listing(ask: Ask, tea: TaskInfo): Promise<void> {
  const ofAda = tasksIn(await ask(ADA, ""));
  const ofBob = tasksIn(await ask(BOB, ""));
  claim(
    "Ada sees her five tasks.",
    ofAda.length === 5 && ofAda.every((task) => task.sessionId === "release"),
  );
  claim("Bob sees his one.", ofBob.length === 1 && ofBob[0]?.id === tea.id);
  claim("Without a token there is nothing to see.", (await ask(null, "")).status === 401);
}

async function foreign(ask: Ask, tests: TaskInfo): Promise<void> {
  const hers = await ask(BOB, `/${tests.id}`);
  const none = await ask(BOB, `/${tests.id.replace(/./g, "x")}`);
  claim("For Bob, Ada's task does not exist.", hers.status === 404 && none.status === 404);
  claim("The answer is the same, byte for byte, as for a task that never was.", hers.text === none.text);
}

async function reading(ask: Ask, tests: TaskInfo, tea: TaskInfo): Promise<void> {
  const finished = await ask(ADA, `/${tests.id}/result`);
  claim(
    "A finished task answers its result.",
    finished.status === 200 && finished.text.includes("suite 5 passed"),
  );
  const events = await ask(ADA, `/${tests.id}/events?limit=2`);
  claim("Its log can be read in pages.", events.status === 200 && events.text.includes("task.output"));
  const unfinished = await ask(BOB, `/${tea.id}/result`);
  claim("An unfinished one answers 202.", unfinished.status === 202);
}

async function cancelling(ask: Ask, nap: TaskInfo, tea: TaskInfo): Promise<void> {
  const post = { method: "POST" };
  claim("Ada cannot cancel Bob's task.", (await ask(ADA, `/${tea.id}/cancel`, post)).status === 404);
  const waiting = ask(BOB, `/${tea.id}/result?waitMs=5000`);
  claim("Bob can.", (await ask(BOB, `/${tea.id}/cancel`, post)).status === 200);
  const { status, text } = await waiting;
  claim("Who waited for the result is told at once.", status === 200 && text.includes('"cancelled"'));
  const again = await ask(ADA, `/${nap.id}/cancel`, post);
  claim("Cancelling what is finished changes nothing.", again.text.includes("Enough sleep."));
}

function askFrom(url: string): Ask {
  return async (token, path, init) => {
    const headers = token === null ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(`${url}/background-tasks${path}`, { ...init, headers });
    const text = await response.text();
    const who = token === null ? "nobody" : token.replace("token-of-", "");
    say("http", `${who}: ${init?.method ?? "GET"} /background-tasks${path} -> ${response.status}`);
    return { status: response.status, text };
  };
}

function tasksIn({ text }: { text: string }): TaskInfo[] {
  return (JSON.parse(text) as { tasks: TaskInfo[] }).tasks;
}
