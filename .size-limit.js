import manifest from "./package.json" with { type: "json" };

/** The most that each entry may take, with its dependencies, minified and as brotli. A growth is a decision. The root is to be
 * 30 kB again: it has outgrown that with the tables of secrets and the clocks. */
const LIMITS = {
  ".": "33.5 kB",
  "./adapters/ai-sdk": "37 kB",
  "./adapters/langchain": "37 kB",
  "./adapters/mastra": "37 kB",
  "./adapters/openai-agents": "38.5 kB",
  "./follow-up": "15 kB",
  "./http": "38 kB",
  "./store": "1 kB",
  "./stores/memory": "6.5 kB",
  "./stores/postgres": "15 kB",
  "./stores/redis": "15 kB",
  "./stores/sqlite": "12 kB",
  "./tools": "34 kB",
};

const ignore = [...Object.keys(manifest.peerDependencies), "async_hooks", "crypto", "timers/promises"];

export default Object.entries(LIMITS).map(([entry, limit]) => ({
  name: `${manifest.name}${entry.slice(1)}`,
  path: manifest.exports[entry].default,
  limit,
  ignore,
}));
