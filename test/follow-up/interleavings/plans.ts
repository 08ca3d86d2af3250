import fc from "fast-check";
import type { TaskScope } from "../../../src/index.ts";
import { type Fault, OPERATIONS, type Operation } from "./host.ts";
import { SCOPES } from "./terms.ts";
import type { PullPlan, TurnPlan, WorldPlan } from "./world.ts";

/** In CI they end in any case; whoever asks for more gets them all. */
export const PARAMETERS = process.env.INTERLEAVINGS
  ? { numRuns: Number(process.env.INTERLEAVINGS) }
  : { numRuns: 1_000, interruptAfterTimeLimit: 25_000 };

export type Step = { gap: number } & (
  | { type: "end"; task: number; how: "complete" | "fail" | "user" | "model" | "host" }
  | ({ type: "pull"; host: number; scope: TaskScope } & PullPlan)
  | { type: "observe"; host: number; task: number }
  | { type: "speak" | "end_turn"; host: number; scope: TaskScope }
  | { type: "stop" | "leave"; host: number; drainMs: number }
  | { type: "start" | "crash"; host: number }
  | { type: "advance"; ms: number }
  | { type: "fail"; host: number; operation: Operation; fault: Fault; times: number }
);

interface TaskPlan {
  host: number;
  scope: TaskScope;
  mode: "when_idle" | "interrupt" | "silent";
  obeys: boolean;
}

export interface Plan extends WorldPlan {
  tasks: TaskPlan[];
  steps: Step[];
  /**
   * In `leaps` goes time by for a process that was suspended, or a store that is slow. With `faults`, calls of
   * the store fail, and processes crash.
   */
  weather: readonly ("leaps" | "faults")[];
}

const host = fc.nat({ max: 2 });
const task = fc.nat({ max: 7 });
const scope = fc.constantFrom(SCOPES[0], ...SCOPES, SCOPES[0]);
const lastsMs = fc.constantFrom(0, 0, 30, 150, 300);
/** How much happens before the next step: something, or everything. */
const gap = fc.oneof(fc.nat({ max: 8 }), fc.constant(500));
const how = fc.constantFrom("complete", "complete", "complete", "fail", "user", "model", "host");
const pull = {
  during: fc.constantFrom("idle", "turn"),
  ending: fc.constantFrom("acknowledge", "release", "forget"),
  lastsMs,
};
const ms = fc.constantFrom(10, 20, 50, 130, 300);
const drainMs = fc.constantFrom(0, 50, 1_000);
const operation = fc.constantFrom(...OPERATIONS, "settle", "settle", "prolong");
const times = fc.constantFrom(1, 1, 6);
const fault = fc.constantFrom("refused", "swallowed", "reset", "mute");

const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ type: fc.constant("end"), task, how, gap }) },
  { weight: 6, arbitrary: fc.record({ type: fc.constant("advance"), ms, gap }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("pull"), host, scope, ...pull, gap }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("observe"), host, task, gap }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constantFrom("speak", "end_turn"), host, scope, gap }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constantFrom("stop", "leave"), host, drainMs, gap }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constantFrom("start", "start", "crash"), host, gap }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("fail"), host, operation, fault, times, gap }) },
) as fc.Arbitrary<Step>;

export const plans: fc.Arbitrary<Plan> = fc.record({
  hosts: fc.array(fc.record({ concurrency: fc.constantFrom(2, 1), hasHints: fc.boolean() }), {
    minLength: 1,
    maxLength: 3,
  }),
  tasks: fc.array(
    fc.record<TaskPlan>({
      host,
      scope,
      mode: fc.constantFrom("when_idle", "interrupt", "silent"),
      obeys: fc.boolean(),
    }),
    { minLength: 1, maxLength: 8, size: "max" },
  ),
  turns: fc.array(
    fc.record<TurnPlan>({
      ending: fc.constantFrom("ok", "ok", "ok", "throw", "persist_throw", "busy", "gone", "hang"),
      lastsMs,
      obeys: fc.boolean(),
      starts: fc.boolean(),
      reads: fc.constantFrom(false, false, true),
    }),
    { maxLength: 10, size: "max" },
  ),
  steps: fc.array(steps, { minLength: 1, maxLength: 24, size: "max" }),
  weather: fc.subarray<"leaps" | "faults">(["leaps", "faults"]),
  storeTimeoutMs: fc.constantFrom(50, 50, 400),
  followUpsPerUser: fc.constantFrom(Infinity, Infinity, Infinity, 2),
});
