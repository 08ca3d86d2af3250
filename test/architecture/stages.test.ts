import { describe, expect, test } from "vitest";
import { importsOf, readSources, type Sources } from "./sources.ts";

/** `core/` by the life of a call, from the ground up. Those of one row do not import each other. */
const STAGES = [
  ["errors.ts", "version.ts"],
  ["values/"],
  ["copies.ts"],
  ["time/"],
  ["model/"],
  ["options/"],
  ["ledger/"],
  ["calls/", "reading/"],
  ["tasks/"],
  ["upkeep/"],
  ["runtime.ts"],
  ["manager.ts"],
  ["middleware.ts"],
];

/** The stage of a file of core, or -1 for one that has none. */
function stageOf(file: string): number {
  return STAGES.findIndex((stages) => stages.includes(partOf(file)));
}

/** `core/tasks/start.ts` belongs to `tasks/`, `core/manager.ts` to itself. */
function partOf(file: string): string {
  const [, part = "", ...rest] = file.split("/");
  return rest.length > 0 ? `${part}/` : part;
}

function violations(sources: Sources): string[] {
  const isCore = (file: string) => file.startsWith("core/");
  return [...importsOf(sources)].flatMap(([file, targets]) => {
    const others = targets.filter((target) => isCore(target) && partOf(target) !== partOf(file));
    if (!isCore(file)) {
      return others
        .filter((target) => target === "core/runtime.ts")
        .map((target) => `${file} imports ${target}: outside of core nobody knows all parts`);
    }
    if (stageOf(file) < 0) return [`${file} stands on no stage`];
    return others
      .filter((target) => stageOf(target) >= stageOf(file))
      .map((target) => `${file} imports ${target}, which does not stand below it`);
  });
}

test("each folder of core imports only what stands below it", () => {
  const sources = readSources();
  const parts = new Set(
    Object.keys(sources)
      .filter((file) => file.startsWith("core/"))
      .map(partOf),
  );
  expect([...parts].sort()).toEqual(STAGES.flat().sort());
  expect(violations(sources)).toEqual([]);
});

describe("a stage that is broken is reported", () => {
  const empty = "export {};\n";
  const broken: [what: string, message: string, sources: Sources][] = [
    [
      "an import upwards",
      "core/ledger/a.ts imports core/tasks/b.ts",
      { "core/ledger/a.ts": `import "../tasks/b.ts";`, "core/tasks/b.ts": empty },
    ],
    [
      "of a type alone",
      "core/model/a.ts imports core/options/b.ts",
      { "core/model/a.ts": `import type { B } from "../options/b.ts";`, "core/options/b.ts": empty },
    ],
    [
      "between two of one row",
      "core/calls/a.ts imports core/reading/b.ts",
      { "core/calls/a.ts": `import "../reading/b.ts";`, "core/reading/b.ts": empty },
    ],
    [
      "of the runtime, from below",
      "core/upkeep/a.ts imports core/runtime.ts",
      { "core/upkeep/a.ts": `import "../runtime.ts";`, "core/runtime.ts": empty },
    ],
    [
      "of the runtime, from outside",
      "outside of core nobody knows all parts",
      { "follow-up/a.ts": `import "../core/runtime.ts";`, "core/runtime.ts": empty },
    ],
    ["a folder without a stage", "core/rooms/a.ts stands on no stage", { "core/rooms/a.ts": empty }],
    ["a file without a stage", "core/a.ts stands on no stage", { "core/a.ts": empty }],
  ];

  test.each(broken)("%s", (_what, message, sources) => {
    expect(violations(sources).join("\n")).toContain(message);
  });

  test("what is allowed is not", () => {
    const allowed: Sources = {
      "core/tasks/a.ts": `import "../ledger/b.ts"; import "./c.ts"; import "../errors.ts";`,
      "core/tasks/c.ts": empty,
      "core/ledger/b.ts": empty,
      "core/errors.ts": empty,
      "core/runtime.ts": `import "./tasks/a.ts";`,
      "core/middleware.ts": `import "./runtime.ts";`,
      "follow-up/a.ts": `import "../core/ledger/b.ts";`,
    };
    expect(violations(allowed)).toEqual([]);
  });
});
