import { describeFramework } from "../scenarios/describe.ts";
import { mastra } from "./driver.ts";

describeFramework(mastra);
