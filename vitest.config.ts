import { fileURLToPath } from "node:url";
import { configDefaults, defineConfig } from "vitest/config";
import manifest from "./package.json" with { type: "json" };
import { embeddedForVite } from "./scripts/embedded.ts";
import { RetriedTests } from "./test/support/retried.ts";

const alias = Object.entries(manifest.exports).map(([subpath, entry]) => ({
  find: new RegExp(`^${manifest.name}${subpath.slice(1)}$`),
  replacement: fileURLToPath(
    new URL(entry.default.replace("./dist/", "./src/").replace(/\.js$/, ".ts"), import.meta.url),
  ),
}));

export default defineConfig({
  plugins: [embeddedForVite],
  resolve: { alias },
  test: {
    include: ["test/**/*.test.ts"],
    // It wants a newer Node: see scripts/test-mastra.ts.
    exclude: [...configDefaults.exclude, "test/adapters/mastra/**"],
    setupFiles: ["test/support/warnings.ts"],
    pool: "forks",
    maxWorkers: 2,
    // Node says of its own `node:sqlite` that it is experimental.
    execArgv: ["--expose-gc", "--disable-warning=ExperimentalWarning"],
    testTimeout: 20_000,
    // Some start a server, or several that have to find each other.
    hookTimeout: 60_000,
    // On a machine that others load too; what passed only then is named at the end.
    retry: process.env.CI ? 1 : 0,
    reporters: ["default", new RetriedTests()],
    coverage: { provider: "v8", include: ["src/**/*.ts"] },
  },
});
