import { describeFramework } from "../scenarios/describe.ts";
import { aiSdk } from "./driver.ts";
import { VERSIONS } from "./versions.ts";

for (const version of VERSIONS) describeFramework(aiSdk(version));
