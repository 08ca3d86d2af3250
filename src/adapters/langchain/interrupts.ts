import { setTimeout as sleep } from "node:timers/promises";
import { AsyncLocalStorageProviderSingleton } from "@langchain/core/singletons";
import type { HumanMessage } from "langchain";
import { invalidOption } from "../../core/values/validate.ts";
import type { FollowUpClaim } from "../../follow-up/inbox.ts";
import { newAmong, noneIfStoreFailed, settled } from "../shared/follow-ups.ts";
import type { CheckpointerLike, MessageLike, RuntimeLike } from "./like.ts";
import { followUpOf, newsMessage } from "./messages.ts";
import type { OffloadOptions } from "./options.ts";
import { outside } from "./outside.ts";
import { scopeOf } from "./scope.ts";

/** Puts late results that may interrupt before the model's next step. */
export function interrupting({ scope, inbox }: OffloadOptions): BeforeModel {
  return async ({ messages }, runtime) => {
    const isHeld = heldBy(runtime);
    const own = scopeOf(scope, withContext(runtime));
    const claim = await outside(() => inbox?.claim(own, { during: "turn" }).catch(noneIfStoreFailed));
    if (claim === undefined) return undefined;
    const message = newsMessage(claim, messages);
    outside(() => void settled(settle(claim, isHeld, runtime.signal), 0));
    return message && { messages: [message] };
  };
}

interface Step extends RuntimeLike {
  readonly signal?: AbortSignal | undefined;
}

type BeforeModel = (
  state: { messages: readonly MessageLike[] },
  runtime: Step,
) => Promise<{ messages: HumanMessage[] } | undefined>;

/** Where a run has the checkpointer that it goes by. */
const CHECKPOINTER = "__pregel_checkpointer";
const FIRST_LOOK_MS = 5;
const LONGEST_WAIT_MS = 1_000;
const GIVE_UP_MS = 60_000;

/** Hooks see only what of the context their middleware has a schema for. */
function withContext(runtime: Step): RuntimeLike {
  const config: { context?: unknown } | undefined = AsyncLocalStorageProviderSingleton.getRunnableConfig();
  return { ...runtime, context: config?.context ?? runtime.context };
}

/**
 * A message is safe once the thread's checkpoint holds it. When that is depends on the run's `durability`, and
 * a run that fails in between tells no hook: so the checkpointer is asked. What it never comes to hold goes
 * back, and so does what it holds only later: then it is found in the thread when it comes again.
 */
async function settle(
  claim: FollowUpClaim,
  isHeld: Holds,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const giveUpAt = Date.now() + GIVE_UP_MS;
  for (let waitMs = FIRST_LOOK_MS; ; waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
    const isLastLook = signal?.aborted === true || Date.now() >= giveUpAt;
    await sleep(waitMs, undefined, { ref: false });
    if (await isHeld(claim).catch(() => false)) return claim.acknowledge();
    if (isLastLook) return claim.release();
  }
}

type Holds = (claim: FollowUpClaim) => Promise<boolean>;

/** Whether the checkpoint of a run's thread tells of a claim. */
function heldBy({ configurable = {} }: Step): Holds {
  const saver = configurable[CHECKPOINTER] as CheckpointerLike | undefined;
  if (typeof saver?.getTuple !== "function") {
    throw invalidOption("checkpointer", "given to createAgent where there is an inbox", saver);
  }
  const { thread_id, checkpoint_ns = "" } = configurable as { thread_id: string; checkpoint_ns?: string };
  // The last part of the namespace is that of the hook itself.
  const ownNs = checkpoint_ns.split("|").slice(0, -1).join("|");
  const config = { configurable: { thread_id, checkpoint_ns: ownNs } };
  return async ({ followUps }) => {
    const { messages = [] } = (await saver.getTuple(config))?.checkpoint.channel_values ?? {};
    return newAmong(followUps, messages as MessageLike[], followUpOf).length === 0;
  };
}
