import * as ai from "ai";
import * as ai6 from "ai-6";
import { type Answer, scriptedModel, scriptedModelOf6 } from "./model.ts";

type Keep = (soFar: ai.ModelMessage[]) => unknown;
type Step = { response: { messages: ai.ModelMessage[] } };

/** The framework, by the names that 7 has for things, and what a host does otherwise in another version. */
export interface Version {
  name: string;
  ai: Pick<
    typeof ai,
    "generateText" | "streamText" | "isStepCount" | "validateUIMessages" | "convertToModelMessages"
  >;
  scriptedModel(answer: Answer): ai.LanguageModel;
  /** An option for a turn: is told, after each step, the turn's messages so far. */
  keeping(keep: Keep): object;
}

export const version7: Version = {
  name: "AI SDK 7",
  ai,
  scriptedModel,
  keeping(keep) {
    const soFar: ai.ModelMessage[] = [];
    return {
      onStepEnd: ({ response }: Step) => {
        soFar.push(...response.messages);
        return keep(soFar);
      },
    };
  },
};

export const version6: Version = {
  name: "AI SDK 6",
  // That its types fit the adapter is for types-of-6.test.ts to say.
  ai: { ...ai6, isStepCount: ai6.stepCountIs } as unknown as Version["ai"],
  scriptedModel: scriptedModelOf6,
  keeping: (keep) => ({ onStepFinish: ({ response }: Step) => keep(response.messages) }),
};

export const VERSIONS = [version7, version6];
