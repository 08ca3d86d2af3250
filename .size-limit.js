import manifest from "./package.json" with { type: "json" };

/** The most that each entry may take, with its dependencies, minified and as brotli. A growth is a decision. */
const LIMITS = {
  ".": "30 kB",
  "./adapters/ai-sdk": "35 kB",
  "./adapters/langchain": "35 kB",
  "./adapters/mastra": "35 kB",
  "./adapters/openai-agents": "36 kB",
  "./follow-up": "12 kB",
  "./http": "38 kB",
  "./store": "1 kB",
  "./stores/memory": "6 kB",
  "./stores/postgres": "15 kB",
  "./stores/redis": "15 kB",
  "./stores/sqlite": "12 kB",
  "./tools": "32 kB",
};

const ignore = [...Object.keys(manifest.peerDependencies), "async_hooks", "crypto", "timers/promises"];

export default Object.entries(LIMITS).map(([entry, limit]) => ({
  name: `${manifest.name}${entry.slice(1)}`,
  path: manifest.exports[entry].default,
  limit,
  ignore,
}));
