import type { FollowUp } from "../../follow-up/follow-up.ts";
import { type LateResults, newAmong, tellsOfAny } from "../shared/follow-ups.ts";
import type { FollowUpItem, SessionLike } from "./like.ts";
import { followUpOf, toInput } from "./messages.ts";

/**
 * Puts a delivery into a session, and says whether a turn is owed for it: `run(agent, [], { session })`. What
 * the session has already is left out, so that a delivery repeated after a crash is in it once. `false`: it has
 * all of it, and the model has answered. A session with `applyHistoryTransaction` takes it in no more than once
 * even where two processes deliver at the same time. It is told by the markers, so it takes a session that keeps
 * `providerData`, which `OpenAIConversationsSession` does not.
 *
 * @throws what the session throws
 * @example
 * ```ts
 * import { Agent, MemorySession, run } from "@openai/agents";
 * import { assistantMessage, ScriptedModel } from "@openai/agents/testing";
 * import { BackgroundTaskManager } from "tool-offload";
 * import { takeIn } from "tool-offload/adapters/openai-agents";
 * import { FollowUpDispatcher } from "tool-offload/follow-up";
 *
 * const tasks = new BackgroundTaskManager();
 * const scope = { userId: "ada", sessionId: "chat-7" };
 * const session = new MemorySession();
 * const agent = new Agent({ name: "Adder", model: new ScriptedModel([[assistantMessage("It is 3.")]]) });
 *
 * const dispatcher = new FollowUpDispatcher({
 *   tasks,
 *   async deliver(delivery) {
 *     if (!(await takeIn(session, delivery))) return;
 *     const { signal } = delivery;
 *     const { finalOutput } = await run(agent, [], { session, signal, maxTurns: 3 });
 *     console.log(finalOutput); // "It is 3."
 *   },
 * }).start();
 * await tasks.start({ toolName: "add", input: [1, 2], scope }, () => 3);
 * await new Promise((resolve) => tasks.once("follow_up.delivered", resolve));
 * await dispatcher.stop();
 * ```
 */
export async function takeIn(session: SessionLike, { followUps, messageFor }: LateResults): Promise<boolean> {
  const items = await session.getItems();
  const fresh = newAmong(followUps, items, followUpOf);
  if (fresh.length === 0) return !isAnswered(items, followUps);
  await append(session, fresh, toInput({ message: messageFor(fresh) }));
  return true;
}

async function append(session: SessionLike, followUps: readonly FollowUp[], items: FollowUpItem[]) {
  if (session.applyHistoryTransaction === undefined) return session.addItems(items);
  const ids = followUps.map(({ id }) => id).sort();
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(ids.join()));
  const operationId = `tool-offload:${Buffer.from(hash).toString("base64url")}`;
  return session.applyHistoryTransaction({ operationId, transaction: { type: "append_items", items } });
}

/** Whether the model has said something since it was told of the last of these. */
function isAnswered(items: readonly object[], followUps: readonly FollowUp[]): boolean {
  const last = items.findLastIndex((item) => tellsOfAny(followUps, item, followUpOf));
  return items.slice(last + 1).some((item) => (item as { role?: string } | null)?.role === "assistant");
}
