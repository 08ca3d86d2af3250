import assert from "node:assert/strict";
import type { Stage } from "./stage.ts";
import { say, scene } from "./terminal.ts";

/** Leaves the server up, with a task of each user to play with, until Ctrl-C. */
export async function serve({ ada, bob, tools, api }: Stage): Promise<void> {
  scene("The server stays up");
  const hers = await startWait(ada, tools.wait);
  const his = await startWait(bob, tools.wait);
  const url = `${api.url}/background-tasks`;
  console.log(`
  # Ada's newest three; everything of Bob's
  curl -s -H 'authorization: Bearer token-of-ada' '${url}?limit=3'
  curl -s -H 'authorization: Bearer token-of-bob' ${url}

  # One of Ada's, what has happened to it, and what Bob gets to see of it
  curl -s -H 'authorization: Bearer token-of-ada' ${url}/${hers}
  curl -s -H 'authorization: Bearer token-of-ada' ${url}/${hers}/events
  curl -si -H 'authorization: Bearer token-of-bob' ${url}/${hers}

  # Waiting five seconds for a result, cancelling, and asking again
  curl -si -H 'authorization: Bearer token-of-bob' '${url}/${his}/result?waitMs=5000'
  curl -s -H 'authorization: Bearer token-of-bob' -X POST ${url}/${his}/cancel
  curl -s -H 'authorization: Bearer token-of-bob' ${url}/${his}/result

  # For load balancers
  curl -s ${url}/health
`);
  say("host", "Ctrl-C ends it.");
  await interrupted();
}

async function startWait(agent: Stage["ada"], wait: Stage["tools"]["wait"]): Promise<string> {
  await agent.hear("Wake me in ten minutes.");
  const outcome = await agent.use(wait, { seconds: 600 });
  await agent.answer("I will.");
  assert(outcome.status === "offloaded");
  return outcome.task.id;
}

function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => resolve());
  });
}
