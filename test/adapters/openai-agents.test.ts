import { openaiAgents, openaiAgentsFromState } from "./openai-agents/driver.ts";
import { describeFramework } from "./scenarios/describe.ts";

describeFramework(openaiAgents);
describeFramework(openaiAgentsFromState);
