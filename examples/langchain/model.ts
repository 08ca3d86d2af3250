import { AIMessage, type BaseMessage, fakeModel, initChatModel } from "langchain";
import { followUpOf } from "tool-offload/adapters/langchain";

const PROVIDER = "@langchain/openai";
const MOST_REQUESTS = 10;

/** LangChain's own fake model, or with a key a real one. */
export async function chooseModel() {
  if (!process.env.OPENAI_API_KEY) return scripted();
  try {
    await import(PROVIDER);
  } catch {
    throw new Error(`OPENAI_API_KEY is set, but ${PROVIDER} is not installed: npm install ${PROVIDER}`);
  }
  return initChatModel("openai:gpt-5-mini");
}

/** It calls both tools, answers with what it has, and puts into words what it reads later. */
function scripted() {
  const model = fakeModel();
  for (let request = 0; request < MOST_REQUESTS; request += 1) model.respond(answerTo);
  return model;
}

function answerTo(messages: BaseMessage[]): AIMessage {
  const last = messages.at(-1);
  const stars = /"stars":(\d+)/.exec(last?.text ?? "")?.[1];
  if (last && followUpOf(last)) return new AIMessage(`The catalogue has ${stars} stars.`);
  if (last?.type === "tool") return new AIMessage("It is 21 °C in Paris. I am still counting the stars.");
  const calls = [
    { id: "call_1", name: "count_stars", args: {} },
    { id: "call_2", name: "weather", args: { city: "Paris" } },
  ];
  return new AIMessage({ content: "", tool_calls: calls });
}
