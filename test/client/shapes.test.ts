import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { clientShapes } from "../../scripts/client-shapes.ts";

test("the shapes that the client checks by are those of the handler's schemas", () => {
  const file = fileURLToPath(new URL("../../src/client/shapes.ts", import.meta.url));
  const words = (text: string) => text.replaceAll(/[\s;]|,(?=\s*[}\]])/g, "");
  expect(words(readFileSync(file, "utf8")), "run scripts/make-client-shapes.ts").toBe(words(clientShapes()));
});
