import { isPlaceholder } from "../../core/model/placeholder.ts";
import { checkFunction } from "../../core/values/validate.ts";

/**
 * Stop rules that do not hold while a placeholder is the last word: with `hasToolCall("answer")` alone, a call of
 * `answer` that became a task would end the turn without an answer. Rules that bound a turn, like `isStepCount`,
 * stand beside it and not in it.
 *
 * @throws `invalid_option` for what is no function
 * @example
 * ```ts
 * import { hasToolCall, isStepCount } from "ai";
 * import { unlessOffloaded } from "tool-offload/adapters/ai-sdk";
 *
 * const stopWhen = [unlessOffloaded(hasToolCall("answer")), isStepCount(20)];
 * console.log(stopWhen.length); // 2
 * ```
 */
export function unlessOffloaded<S extends StepLike>(
  ...rules: StopRule<S>[]
): (options: { steps: S[] }) => Promise<boolean> {
  for (const [index, rule] of rules.entries()) checkFunction(`rules[${index}]`, rule);
  return async ({ steps }) => {
    const results = steps.at(-1)?.toolResults ?? [];
    if (results.some((result) => isPlaceholder((result as { output?: unknown }).output))) return false;
    const answers = await Promise.all(rules.map((rule) => rule({ steps })));
    return answers.some((answer) => answer);
  };
}

interface StepLike {
  toolResults: readonly object[];
}

type StopRule<S> = (options: { steps: S[] }) => PromiseLike<boolean> | boolean;
