import { describeFramework } from "../scenarios/describe.ts";
import { openaiAgents, openaiAgentsFromState } from "./driver.ts";

describeFramework(openaiAgents);
describeFramework(openaiAgentsFromState);
