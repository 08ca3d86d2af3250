import manifest from "./package.json" with { type: "json" };

/** The most that each entry may take, with its dependencies, minified and as brotli. A growth is a decision: the root, which
 * no browser loads, was to be 30 kB, and has grown by the tables of secrets (2.7), the equality of inputs (1), clocks and
 * contexts (1), held sessions, lost records and crowds (2). The tools, and with them the adapters, by arguments read as
 * models mean them and several tasks in a call (0.5). */
const LIMITS = {
  ".": "36 kB",
  "./adapters/ai-sdk": "38 kB",
  "./adapters/langchain": "37.5 kB",
  "./adapters/mastra": "37.5 kB",
  "./adapters/openai-agents": "39 kB",
  "./follow-up": "20 kB",
  "./http": "38 kB",
  "./store": "1 kB",
  "./stores/memory": "7.5 kB",
  "./stores/postgres": "19.5 kB",
  "./stores/redis": "21.5 kB",
  "./stores/sqlite": "15.5 kB",
  "./tools": "34.5 kB",
};

const ignore = [
  ...Object.keys(manifest.peerDependencies),
  "async_hooks",
  "crypto",
  "events",
  "timers/promises",
];

export default Object.entries(LIMITS).map(([entry, limit]) => ({
  name: `${manifest.name}${entry.slice(1)}`,
  path: manifest.exports[entry].default,
  limit,
  ignore,
}));
