/**
 * Prints each measurement with its bound. `npm run bench -- fast-call` runs only what is named; what needs a
 * server, and minutes, runs only then.
 */
import { aiSdkBench } from "./adapters/ai-sdk.ts";
import { langchainBench } from "./adapters/langchain.ts";
import { openaiAgentsBench } from "./adapters/openai-agents.ts";
import { conversation } from "./conversation.ts";
import { fastCall } from "./fast-call.ts";
import { httpBench } from "./http.ts";
import { lateResult } from "./late-result.ts";
import { memory } from "./memory.ts";
import { offloadToEnd } from "./offload.ts";
import { reading } from "./reading.ts";
import type { Row } from "./side-by-side.ts";
import { postgresBench } from "./stores/postgres.ts";
import { redisBench } from "./stores/redis.ts";
import { sqliteBench } from "./stores/sqlite.ts";
import { streamsBench } from "./streams.ts";

const BENCHES: Record<string, () => Promise<Row[] | { rows: Row[]; text: string }>> = {
  "fast-call": fastCall,
  offload: offloadToEnd,
  reading,
  memory,
  http: httpBench,
  streams: streamsBench,
  conversation,
  "ai-sdk": aiSdkBench,
  langchain: langchainBench,
  "openai-agents": openaiAgentsBench,
  "late-result": lateResult,
  redis: redisBench,
  postgres: postgresBench,
  sqlite: sqliteBench,
};
const ONLY_IF_NAMED = ["streams", "late-result", "redis", "postgres", "sqlite"];

const named = process.argv.slice(2);
const unknown = named.filter((name) => !(name in BENCHES));
if (unknown.length > 0) {
  console.error(`There is no benchmark ${unknown.join(", ")}; there are ${Object.keys(BENCHES).join(", ")}.`);
  process.exit(1);
}

console.log(`Node ${process.version}\n`);
console.log("| what | measured | ratio | bound |\n| --- | --- | ---: | ---: |");
const texts: string[] = [];
for (const [name, bench] of Object.entries(BENCHES)) {
  const isWanted = named.length > 0 ? named.includes(name) : !ONLY_IF_NAMED.includes(name);
  if (!isWanted) continue;
  const measured = await bench();
  const { rows, text } = Array.isArray(measured) ? { rows: measured, text: undefined } : measured;
  for (const row of rows) console.log(line(row));
  if (text !== undefined) texts.push(text);
}
for (const text of texts) console.log(`\n${text}`);

function line({ name, detail, ratio, limit, atLeast }: Row): string {
  const isWithin = atLeast ? ratio >= limit : ratio <= limit;
  const bound = Number.isFinite(limit) ? `${atLeast ? "≥" : "≤"} ${limit}${isWithin ? "" : " (missed)"}` : "";
  return `| ${name} | ${detail} | ${ratio.toFixed(2)} | ${bound} |`;
}
