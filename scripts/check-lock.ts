/**
 * npm may leave the native builds of other platforms out of package-lock.json (npm/cli#4828); `npm ci` then fails,
 * or a clone on macOS or Windows gets no rollup. Nobody sees that on the machine that has made the lock.
 */
import { readFileSync } from "node:fs";
import { missingBuilds } from "./native-builds.ts";

const lock = JSON.parse(readFileSync(new URL("../package-lock.json", import.meta.url), "utf8"));
const missing = missingBuilds(lock.packages);
if (missing.length > 0) {
  console.error("package-lock.json lacks native builds:");
  for (const line of missing) console.error(`  ${line}`);
  console.error("To repair it: `npx npm@11 install`, then `npx npm@10.8 install`.");
  process.exitCode = 1;
}
