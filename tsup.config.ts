import { defineConfig } from "tsup";
import manifest from "./package.json" with { type: "json" };
import { embeddedForEsbuild } from "./scripts/embedded.ts";

export default defineConfig({
  entry: Object.values(manifest.exports).map((entry) =>
    entry.default.replace("./dist/", "src/").replace(/\.js$/, ".ts"),
  ),
  format: "esm",
  target: "node20",
  splitting: true,
  clean: true,
  esbuildPlugins: [embeddedForEsbuild],
  // tsup's declaration build sets `baseUrl`, which TypeScript 6 deprecates.
  dts: { compilerOptions: { ignoreDeprecations: "6.0" } },
});
