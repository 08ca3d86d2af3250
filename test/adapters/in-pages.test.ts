import { build } from "esbuild";
import { expect, test } from "vitest";
import { root } from "../snippets/extract.ts";

/** What pages need: to show a message of late results, and a placeholder, as what they are. */
test.each([
  ["ai-sdk", "followUpOf, isPlaceholder"],
  ["langchain", "followUpOf"],
  ["mastra", "followUpOf, isPlaceholder"],
  ["openai-agents", "followUpOf"],
])("what a page needs of %s is bundled for browsers, and nothing else with it", async (name, needed) => {
  const contents = `export { ${needed} } from "./src/adapters/${name}.ts";`;
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: root },
    bundle: true,
    format: "esm",
    platform: "browser",
    minify: true,
    write: false,
    logLevel: "silent",
    external: ["langchain", "@langchain/*"],
  });
  expect(outputFiles[0]?.contents.length).toBeLessThan(3_000);
});
