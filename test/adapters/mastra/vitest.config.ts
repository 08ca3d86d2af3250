import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import rootConfig from "../../../vitest.config.ts";

export default defineConfig({
  ...rootConfig,
  root: fileURLToPath(new URL("../../..", import.meta.url)),
  test: {
    ...rootConfig.test,
    include: ["test/adapters/mastra/*.test.ts"],
    exclude: ["**/node_modules/**"],
  },
});
