import type { TaskInfo } from "tool-offload";
import type { SlowTasks } from "./scenes.ts";
import { COALESCE_MS, type Stage } from "./stage.ts";
import { claim, scene } from "./terminal.ts";

export async function comingBack(stage: Stage, slow: SlowTasks): Promise<void> {
  scene("7. The results come back by themselves: three tasks, one turn");
  const { ada, tasks } = stage;
  const { ownTurns } = ada;
  const cancelled = await again(stage, [slow.nap, slow.stubborn]);
  claim(
    "Nobody was woken for what the user has cancelled. It waits for the next turn.",
    ownTurns === 0 && cancelled.every(({ followUp }) => followUp.status === "pending"),
  );
  const acknowledged = new Promise<unknown>((resolve) => tasks.once("follow_up.delivered", resolve));
  const delivery = await ada.wokenToSay(
    "The tests have passed and the archive is here. The backup disk is full.",
  );
  const toldOf = delivery.followUps.map(({ task }) => task);
  const ends = toldOf
    .filter(({ status }) => status !== "cancelled")
    .map(({ completedAt }) => completedAt ?? 0);
  const apartMs = Math.max(...ends) - Math.min(...ends);
  claim(
    `Three tasks have ended within ${apartMs} ms, and gave one turn.`,
    ends.length === 3 && apartMs < COALESCE_MS && ada.ownTurns === 1,
  );
  claim("It tells of the two cancelled ones too.", toldOf.length === 5);
  claim("The failure says why.", delivery.message.text.includes("exit code 3: no space left on /backup"));
  await acknowledged;
  const all = await again(stage, toldOf);
  claim("The turn is over, so none of them will come again.", all.every(isDelivered));
}

/** The tasks as they are by now. */
async function again({ ada, tasks }: Stage, before: readonly TaskInfo[]): Promise<TaskInfo[]> {
  const found = await Promise.all(before.map(({ id }) => tasks.get(ada.scope, id)));
  return found.filter((task) => task !== undefined);
}

function isDelivered({ followUp }: TaskInfo): boolean {
  return followUp.status === "delivered";
}
