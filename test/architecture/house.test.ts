import { isBuiltin } from "node:module";
import { posix } from "node:path";
import { describe, expect, test } from "vitest";
import {
  importsOf,
  isRelative,
  type Module,
  parse,
  reach,
  readSources,
  resolve,
  type Sources,
} from "./sources.ts";

const maxLines = 300;
const mayImport: Record<string, string[]> = {
  dashboard: ["client"],
  react: ["client"],
  adapters: ["follow-up", "tools"],
  store: ["stores"],
};

function areaOf(file: string): string {
  return file.includes("/") ? file.slice(0, file.indexOf("/")) : "";
}

function importViolations(module: Module, sources: Sources): string[] {
  const area = areaOf(module.file);
  return module.imports.flatMap((specifier) => {
    const edge = `${module.file} imports ${specifier}`;
    if (!isRelative(specifier)) {
      if (/^tool-offload(\/|$)/.test(specifier)) return [`${edge}: use a relative path`];
      return area === "core" && isBuiltin(specifier) ? [`${edge}: core does no I/O`] : [];
    }
    const target = resolve(module.file, specifier);
    if (specifier.endsWith(".css")) return [];
    if (!(target in sources)) return [`${edge}: not a file in src`];
    const targetArea = areaOf(target);
    if (module.file === "index.ts" || targetArea === area || targetArea === "core") {
      return area === "core" && targetArea !== "core" ? [`${edge}: core imports only core`] : [];
    }
    if (area === "core") return [`${edge}: core imports only core`];
    if (posix.basename(target) === "shared.ts" || mayImport[area]?.includes(targetArea)) return [];
    return [`${edge}: siblings do not import each other`];
  });
}

/** It is for browsers: what is imported as a type is not there when it runs. */
function clientViolations({ file, imports }: Module, text: string): string[] {
  return imports.flatMap((specifier) => {
    if (!isRelative(specifier)) return [`${file} imports ${specifier}: the client has no dependency`];
    const target = resolve(file, specifier);
    if (areaOf(target) === "client") return [];
    const isType = new RegExp(`(import|export) type [^;]*"${specifier}"`).test(text);
    return isType && target.startsWith("core/model/")
      ? []
      : [`${file} imports ${specifier}: the client imports only types of core/model`];
  });
}

function violations(sources: Sources): string[] {
  const modules = Object.entries(sources).map(([file, text]) => parse(file, text));
  const graph = importsOf(sources);
  return modules.flatMap((module) => {
    const { file } = module;
    const reached = reach(file, graph);
    const cycle = reached.get(file);
    const isClient = areaOf(file) === "client";
    const toManager = isClient ? reached.get("core/manager.ts") : undefined;
    return [
      ...importViolations(module, sources),
      ...(cycle ? [`import cycle: ${cycle.join(" -> ")}`] : []),
      ...(isClient ? clientViolations(module, sources[file] ?? "") : []),
      ...(toManager ? [`the client reaches the manager: ${toManager.join(" -> ")}`] : []),
      ...(module.starExport ? [`${file} has a star export`] : []),
      ...(module.defaultExport ? [`${file} has a default export`] : []),
      ...(module.lines >= maxLines ? [`${file} has ${module.lines} lines`] : []),
    ];
  });
}

test("the sources keep the rules of the house", () => {
  const sources = readSources();
  expect(Object.keys(sources)).toContain("index.ts");
  expect(violations(sources)).toEqual([]);
});

describe("a rule that is broken is reported", () => {
  const empty = "export {};\n";
  const broken: [rule: string, message: string, sources: Sources][] = [
    [
      "core imports a sibling",
      "core imports only core",
      { "core/a.ts": `import "../stores/b.ts";`, "stores/b.ts": empty },
    ],
    [
      "core imports a file beside it",
      "core imports only core",
      { "core/a.ts": `import "../b.ts";`, "b.ts": empty },
    ],
    [
      "core imports a shared file",
      "core imports only core",
      { "core/a.ts": `import "../http/shared.ts";`, "http/shared.ts": empty },
    ],
    [
      "core imports node:",
      "core does no I/O",
      { "core/a.ts": `import type { Readable } from "node:stream";` },
    ],
    [
      "core imports a builtin by its bare name",
      "core does no I/O",
      { "core/a.ts": `await import("fs/promises");` },
    ],
    [
      "siblings import each other",
      "siblings do not",
      { "stores/a.ts": `import "../http/b.ts";`, "http/b.ts": empty },
    ],
    [
      "as a type",
      "siblings do not",
      { "stores/a.ts": `import type { B } from "../http/b.ts";`, "http/b.ts": empty },
    ],
    [
      "as an inline type",
      "siblings do not",
      { "stores/a.ts": `export type A = import("../http/b.ts").B;`, "http/b.ts": empty },
    ],
    [
      "as a re-export",
      "siblings do not",
      { "stores/a.ts": `export { b } from "../http/b.ts";`, "http/b.ts": empty },
    ],
    [
      "dynamically",
      "siblings do not",
      { "stores/a.ts": "await import(`../http/b.ts`);", "http/b.ts": empty },
    ],
    [
      "by require",
      "siblings do not",
      { "stores/a.ts": `import b = require("../http/b.ts");`, "http/b.ts": empty },
    ],
    [
      "a sibling imports the root",
      "siblings do not",
      { "stores/a.ts": `import "../index.ts";`, "index.ts": empty },
    ],
    [
      "tools import an adapter",
      "siblings do not",
      { "tools/a.ts": `import "../adapters/b.ts";`, "adapters/b.ts": empty },
    ],
    [
      "adapters import http",
      "siblings do not",
      { "adapters/a.ts": `import "../http/b.ts";`, "http/b.ts": empty },
    ],
    [
      "the client imports the manager",
      "reaches the manager",
      { "client/a.ts": `import "../core/manager.ts";`, "core/manager.ts": empty },
    ],
    [
      "the client reaches the manager",
      "reaches the manager",
      {
        "client/a.ts": `import "../core/a.ts";`,
        "core/a.ts": `import type { M } from "./manager.ts";`,
        "core/manager.ts": empty,
      },
    ],
    [
      "the client imports a value of the model",
      "only types of core/model",
      { "client/a.ts": `import { a } from "../core/model/a.ts";`, "core/model/a.ts": empty },
    ],
    [
      "the client imports a type from elsewhere in core",
      "only types of core/model",
      { "client/a.ts": `import type { A } from "../core/a.ts";`, "core/a.ts": empty },
    ],
    ["the client imports a package", "no dependency", { "client/a.ts": `import type { A } from "zod";` }],
    ["a file imports itself", "import cycle", { "core/a.ts": `import "./a.ts";` }],
    [
      "two files import each other",
      "import cycle",
      { "core/a.ts": `import "./b.ts";`, "core/b.ts": `import "./a.ts";` },
    ],
    [
      "three files form a cycle of types",
      "import cycle: core/a.ts -> core/b.ts -> core/c.ts -> core/a.ts",
      {
        "core/a.ts": `import type { B } from "./b.ts";`,
        "core/b.ts": `import { type C } from "./c.ts";`,
        "core/c.ts": `export type C = import("./a.ts").A;`,
      },
    ],
    [
      "the package imports itself by name",
      "use a relative path",
      { "http/a.ts": `import "tool-offload/stores/memory";` },
    ],
    ["an import leaves src", "not a file in src", { "http/a.ts": `import "../../test/b.ts";` }],
    ["an import has no extension", "not a file in src", { "http/a.ts": `import "./b";`, "http/b.ts": empty }],
    ["star export", "has a star export", { "index.ts": `export * from "./core/a.ts";`, "core/a.ts": empty }],
    [
      "star export of types",
      "has a star export",
      { "index.ts": `export type * from "./core/a.ts";`, "core/a.ts": empty },
    ],
    [
      "star export with a name",
      "has a star export",
      { "index.ts": `export * as a from "./core/a.ts";`, "core/a.ts": empty },
    ],
    ["default export of a value", "has a default export", { "core/a.ts": "export default 1;" }],
    [
      "default export of a function",
      "has a default export",
      { "core/a.ts": "export default function a() {}" },
    ],
    [
      "default export by name",
      "has a default export",
      { "core/a.ts": "const a = 1; export { a as default };" },
    ],
    ["too long a file", "core/a.ts has 300 lines", { "core/a.ts": "export {};\n".repeat(maxLines) }],
  ];

  test.each(broken)("%s", (_rule, message, sources) => {
    expect(violations(sources).join("\n")).toContain(message);
  });

  test("what is allowed is not reported", () => {
    const allowed: Sources = {
      "index.ts": `export { a } from "./core/a.ts"; import "./stores/memory.ts"; import "./adapters/a.ts";`,
      "core/a.ts": `import { nanoid } from "nanoid"; import type { B } from "./inner/b.ts";`,
      "core/inner/b.ts": empty,
      "stores/memory.ts": `import fs from "node:fs"; import { a } from "../core/a.ts";`,
      "adapters/a.ts": `import "../core/a.ts"; import "../follow-up/a.ts"; import "../tools/a.ts"; import "./b.ts";`,
      "adapters/b.ts": `import "../http/shared.ts";`,
      "client/a.ts": `import type { B } from "../core/model/b.ts"; import { c } from "./b.ts";`,
      "client/b.ts": empty,
      "core/model/b.ts": empty,
      "follow-up/a.ts": "export {};\n".repeat(maxLines - 1),
      "tools/a.ts": `const text = "export default 1"; // import "../http/shared.ts"`,
      "http/shared.ts": empty,
    };
    expect(violations(allowed)).toEqual([]);
  });
});
