import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { faultsOfPacked, filesOfExports, packagesIn } from "../../scripts/packed.ts";

const files = [{ path: "dist/index.js" }, { path: "docs/README.md" }];

test("a small tarball with all that is wanted has no faults", () => {
  expect(faultsOfPacked({ size: 480_000, files }, ["dist/index.js"])).toEqual([]);
});

test.each([
  ["a byte too many", { size: 480_001, files }, "it has 481 kB, of at most 480"],
  [
    "a source map",
    { size: 1, files: [...files, { path: "dist/index.js.map" }] },
    "dist/index.js.map is a source map",
  ],
  [
    "what an example has installed",
    { size: 1, files: [...files, { path: "examples/mastra/node_modules/a/index.js" }] },
    "examples/mastra/node_modules/a/index.js is not ours",
  ],
  ["a missing file", { size: 1, files: files.slice(1) }, "dist/index.js is missing"],
])("%s is one", (_what, packed, fault) => {
  expect(faultsOfPacked(packed, ["dist/index.js"])).toEqual([fault]);
});

test("a bundle tells which packages it has taken in", () => {
  const bundle =
    "// src/a.ts\n// node_modules/fast-check/a.js\n// node_modules/@a/b/c.js\n// node_modules/@a/b/d.js\n";
  expect(packagesIn(bundle)).toEqual(["fast-check", "@a/b"]);
  expect(packagesIn('// src/a.ts\nimport fc from "fast-check";')).toEqual([]);
});

test("every entry is wanted, with its types", () => {
  const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  const wanted = filesOfExports(manifest.exports);
  expect(wanted).toContain("dist/index.js");
  expect(wanted).toContain("dist/adapters/mastra.d.ts");
  expect(wanted).toHaveLength(2 * Object.keys(manifest.exports).length);
});
