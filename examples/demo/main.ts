/**
 * A small agent, its tools, and what becomes of them when they are slow. Needs a POSIX shell.
 *
 *   npm run demo               plays the scenes and ends
 *   npm run demo -- --serve    leaves the HTTP server up afterwards
 *
 * Every line that says "true" was checked at that moment; the first that is not ends the demo with an error.
 */
import { constants } from "node:os";
import { comingBack } from "./follow-up-scene.ts";
import { overHttp } from "./http-scene.ts";
import {
  aftermath,
  agentGoesOn,
  cooperativeCancel,
  fastCall,
  progress,
  slowCalls,
  stubbornCancel,
} from "./scenes.ts";
import { serve } from "./serve.ts";
import { type Stage, setStage } from "./stage.ts";
import { claim, say, scene } from "./terminal.ts";

const MAX_MS = 20_000;

async function play(stage: Stage): Promise<void> {
  await fastCall(stage);
  const slow = await slowCalls(stage);
  await agentGoesOn(stage);
  await progress(stage, slow);
  await cooperativeCancel(stage, slow);
  await stubbornCancel(stage, slow);
  await comingBack(stage, slow);
  await aftermath(stage, slow);
  await overHttp(stage, slow);
}

async function end({ tasks, strike }: Stage): Promise<void> {
  scene("The end");
  await strike();
  const { running, queued, foreground, accepting } = await tasks.stats();
  claim("Nothing runs and nothing waits.", !accepting && running + queued + foreground === 0);
}

/** Ends the process, and through its exit handler the commands, before there is a `serve` to be interrupted. */
function interrupt(signal: "SIGINT" | "SIGTERM"): void {
  process.exit(128 + constants.signals[signal]);
}

process.on("SIGINT", interrupt).on("SIGTERM", interrupt);
const overdue = setTimeout(() => {
  console.error(`The demo has not ended within ${MAX_MS} ms.`);
  process.exit(1);
}, MAX_MS);

say("host", "The agent is scripted: no model is asked. Its tools, their tasks and the servers are real.");
const stage = await setStage();
await play(stage);
clearTimeout(overdue);
if (process.argv.includes("--serve")) {
  process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
  await serve(stage);
}
await end(stage);
