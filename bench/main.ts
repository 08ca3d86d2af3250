/** Prints each measurement with its bound. `npm run bench -- fast-call` runs only what is named. */
import { fastCall } from "./fast-call.ts";
import { httpBench } from "./http.ts";
import { memory } from "./memory.ts";
import { offloadToEnd } from "./offload.ts";
import { reading } from "./reading.ts";
import type { Row } from "./side-by-side.ts";

const BENCHES: Record<string, () => Promise<Row[]>> = {
  "fast-call": fastCall,
  offload: offloadToEnd,
  reading,
  memory,
  http: httpBench,
};

const named = process.argv.slice(2);
const unknown = named.filter((name) => !(name in BENCHES));
if (unknown.length > 0) {
  console.error(`There is no benchmark ${unknown.join(", ")}; there are ${Object.keys(BENCHES).join(", ")}.`);
  process.exit(1);
}

console.log(`Node ${process.version}\n`);
console.log("| what | measured | ratio | bound |\n| --- | --- | ---: | ---: |");
for (const [name, bench] of Object.entries(BENCHES)) {
  if (named.length > 0 && !named.includes(name)) continue;
  for (const row of await bench()) console.log(line(row));
}

function line({ name, detail, ratio, limit, atLeast }: Row): string {
  const isWithin = atLeast ? ratio >= limit : ratio <= limit;
  const bound = Number.isFinite(limit) ? `${atLeast ? "≥" : "≤"} ${limit}${isWithin ? "" : " (missed)"}` : "";
  return `| ${name} | ${detail} | ${ratio.toFixed(2)} | ${bound} |`;
}
