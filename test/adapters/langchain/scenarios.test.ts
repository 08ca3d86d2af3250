import { describeFramework } from "../scenarios/describe.ts";
import { langchain } from "./driver.ts";

describeFramework(langchain);
