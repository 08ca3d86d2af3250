import { setTimeout as sleep } from "node:timers/promises";
import type { ToolContext, ToolOffloadMiddleware } from "../../src/index.ts";
import type { Entry, Note } from "./journal.ts";

const FAILURE = "the tool failed";

/** What a call is made of. */
export interface CallTerms {
  users: number;
  /** Milliseconds that its tool takes at most. */
  toolMs: number;
  random: () => number;
  note: Note;
}

export type Call = ReturnType<typeof nextCall>;

let calls = 0;

/** A call of a tool that takes a while, and fails one time in ten. */
export function nextCall({ users, toolMs, random, note }: CallTerms) {
  calls += 1;
  const id = `${process.pid}.${calls}`;
  const scope = { userId: `u${calls % users}`, sessionId: `s${calls % 3}` };
  const durationMs = random() * toolMs;
  const fails = random() < 0.1;
  const execute = async (_: unknown, { report }: ToolContext) => {
    note({ event: "tool.begun", call: id });
    report({ value: 1 });
    await sleep(durationMs);
    note({ event: "tool.ended", call: id });
    if (fails) throw new Error(FAILURE);
    return { id, text: "x".repeat(200) };
  };
  return { call: { toolName: "tool", toolCallId: id, input: { id }, scope }, execute };
}

/** A turn with one call. */
export async function takeTurn(offload: ToolOffloadMiddleware, { call, execute }: Call, note: Note) {
  note({ event: "turn.begun", call: call.toolCallId });
  const end = await offload.run(call, execute).then(
    (outcome) => {
      if (outcome.status === "offloaded") return OFFLOADED;
      return outcome.value.id === call.toolCallId ? ANSWERED : failed(outcome.value);
    },
    (error) => (error?.message === FAILURE ? ANSWERED : failed(error)),
  );
  note({ event: "turn.ended", call: call.toolCallId, ...end });
}

type End = Pick<Extract<Entry, { event: "turn.ended" }>, "outcome" | "reason">;

const ANSWERED: End = { outcome: "answered" };
const OFFLOADED: End = { outcome: "offloaded" };

function failed(instead: unknown): End {
  return { outcome: "failed", reason: instead instanceof Error ? String(instead) : JSON.stringify(instead) };
}
