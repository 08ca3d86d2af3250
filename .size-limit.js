import manifest from "./package.json" with { type: "json" };

/** The most that each entry may take, with its dependencies, minified and as brotli. A growth is a decision: the root, which
 * no browser loads, was to be 30 kB, and has grown by the tables of secrets (2.7), the equality of inputs (1), clocks and
 * contexts (1), held sessions, lost records and crowds (2), reasons of errors and mistakes that are told (1), what tools
 * show the model (0.9, and in each adapter, which reads what its framework shows). The tools, and with them the adapters,
 * by arguments read as models mean them and several tasks in a call (0.5). `./http` masks what it warns of, by the tables
 * of secrets, and describes itself in OpenAPI, by zod's own JSON Schema (3). LangChain says why an interrupt comes too late (0.1). Then the
 * root has grown by the states of a user's tasks and by lost hints that are found (3), idempotency keys and sound views
 * (1.2); each store by both; and `./http` by the route table with OpenAPI, creation and streams (7), deep bodies and origins (1.4). */
const LIMITS = {
  ".": "43 kB",
  "./adapters/ai-sdk": "40 kB",
  "./adapters/langchain": "39.5 kB",
  "./adapters/mastra": "39.5 kB",
  "./adapters/openai-agents": "41 kB",
  "./client": "4 kB",
  // What a browser loads; together with a component it may be 40 kB.
  "./dashboard": "27 kB",
  "./follow-up": "21.5 kB",
  "./http": "50.5 kB",
  "./react": "2 kB",
  "./store": "1 kB",
  "./stores/memory": "8 kB",
  "./stores/postgres": "20.5 kB",
  "./stores/redis": "23.5 kB",
  "./stores/sqlite": "17 kB",
  "./tools": "35 kB",
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
