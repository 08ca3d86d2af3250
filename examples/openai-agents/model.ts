import type { Model } from "@openai/agents";
import { assistantMessage, functionCall, modelResponder, ScriptedModel } from "@openai/agents/testing";

/**
 * The framework's own test model, scripted, since none can be asked offline: it calls both tools, ends its turn
 * with what it has, and later reads the number out of the result that has come.
 */
export function offlineModel(): Model {
  const place = { place: "Atacama" };
  return new ScriptedModel([
    [
      functionCall("count_stars", place, { callId: "call_1" }),
      functionCall("weather", place, { callId: "call_2" }),
    ],
    [assistantMessage("The sky is clear. I am counting the stars; I will tell you when I am done.")],
    modelResponder(({ request }) => {
      const [count] = /[\d,]+(?= stars)/.exec(JSON.stringify(request.input)) ?? ["no"];
      return [assistantMessage(`I have counted them: ${count} stars.`)];
    }),
  ]);
}
