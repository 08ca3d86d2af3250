import { checkVersion } from "../../core/copies.ts";
import { invalidOption } from "../../core/values/validate.ts";
import type { FollowUpInterrupts } from "./interrupts.ts";
import type { AgentLike, FinalOutputLike, RunContextLike, ToolResultLike } from "./like.ts";
import { isPlaceholderOf } from "./placeholders.ts";

/** An agent's `toolUseBehavior`, as the framework has it. */
export type StopRule<Result = never, Final extends { isFinalOutput: boolean } = FinalOutputLike> =
  | "run_llm_again"
  | "stop_on_first_tool"
  | { stopAtToolNames: string[] }
  | ((runContext: never, results: Result[]) => Final | Promise<Final>);

/**
 * An agent's `toolUseBehavior` that never takes a placeholder for the final answer. Where a rule would, the
 * model is asked again, and the result comes in a later turn. An agent that has a plain
 * `"stop_on_first_tool"`, or names an offloaded tool in `stopAtToolNames`, is refused by its tools.
 *
 * @param rule what the agent would have had without it. A function is asked, and overruled only where its final
 * output holds a placeholder. @default "run_llm_again"
 * @param interrupts what may interrupt its turns: see {@link followUpInterrupts}. @default none
 * @throws `invalid_option` for what is no rule
 * @example
 * ```ts
 * import { Agent } from "@openai/agents";
 * import { afterTools } from "tool-offload/adapters/openai-agents";
 *
 * const agent = new Agent({ name: "Builder", toolUseBehavior: afterTools("stop_on_first_tool") });
 * console.log(agent.name); // "Builder"
 * ```
 */
export function afterTools<
  Result extends ToolResultLike = ToolResultLike,
  Final extends { isFinalOutput: boolean } = FinalOutputLike,
>(
  rule: StopRule<Result, Final> = "run_llm_again",
  interrupts?: FollowUpInterrupts,
): (runContext: RunContextLike, results: Result[]) => Promise<Final | FinalOutputLike> {
  if (!isRule(rule)) throw invalidOption("rule", "a toolUseBehavior", rule);
  checkVersion("interrupts", interrupts);
  return async (runContext, results) => {
    const outcome = await decide(rule, runContext, results);
    if (!outcome.isFinalOutput) await interrupts?.step(runContext);
    return outcome;
  };
}

/** @throws `invalid_option` where an agent would take the placeholder of this tool for its answer */
export function refuseStopRule(toolName: string, agent: AgentLike | undefined): void {
  const rule = agent?.toolUseBehavior as StopRule | undefined;
  const stopsHere = typeof rule === "object" && rule?.stopAtToolNames?.includes(toolName);
  if (rule !== "stop_on_first_tool" && !stopsHere) return;
  const wanted = `afterTools(…), since the tool "${toolName}" may answer with a placeholder`;
  throw invalidOption("toolUseBehavior", wanted, rule);
}

const GO_ON = { isFinalOutput: false, isInterrupted: undefined } as const;

async function decide<Result extends ToolResultLike, Final extends { isFinalOutput: boolean }>(
  rule: StopRule<Result, Final>,
  runContext: RunContextLike,
  results: Result[],
): Promise<Final | FinalOutputLike> {
  if (typeof rule !== "function") return decidePlainly(rule, runContext, results);
  const outcome = await rule(runContext as never, results);
  return holdsPlaceholder(outcome, runContext, results) ? GO_ON : outcome;
}

function decidePlainly(
  rule: StopRule,
  runContext: RunContextLike,
  results: readonly ToolResultLike[],
): FinalOutputLike {
  const last = rule === "stop_on_first_tool" ? results[0] : results.find((result) => isNamed(rule, result));
  if (last?.type !== "function_output" || isPlaceholderOf(runContext, last)) return GO_ON;
  return { isFinalOutput: true, isInterrupted: undefined, finalOutput: textOf(last.output) };
}

function isNamed(rule: StopRule, { tool, runItem }: ToolResultLike): boolean {
  if (typeof rule !== "object") return false;
  const { namespace } = runItem.rawItem as { namespace?: string };
  return rule.stopAtToolNames.some((name) => name === tool.name || name === `${namespace}.${tool.name}`);
}

function holdsPlaceholder(outcome: object, runContext: RunContextLike, results: ToolResultLike[]): boolean {
  const { finalOutput } = outcome as { finalOutput?: unknown };
  if (typeof finalOutput !== "string") return false;
  return results.some(
    (result) => isPlaceholderOf(runContext, result) && finalOutput.includes(`${result.output}`),
  );
}

function textOf(output: unknown): string {
  return typeof output === "object" && output !== null ? JSON.stringify(output) : String(output);
}

function isRule(rule: unknown): boolean {
  if (typeof rule === "function" || rule === "run_llm_again" || rule === "stop_on_first_tool") return true;
  return Array.isArray((rule as { stopAtToolNames?: unknown } | null)?.stopAtToolNames);
}
