import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import manifest from "./package.json" with { type: "json" };

const alias = Object.entries(manifest.exports).map(([subpath, entry]) => ({
  find: new RegExp(`^${manifest.name}${subpath.slice(1)}$`),
  replacement: fileURLToPath(
    new URL(entry.default.replace("./dist/", "./src/").replace(/\.js$/, ".ts"), import.meta.url),
  ),
}));

export default defineConfig({
  resolve: { alias },
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    execArgv: ["--expose-gc"],
    testTimeout: 20_000,
    coverage: { provider: "v8", include: ["src/**/*.ts"] },
  },
});
