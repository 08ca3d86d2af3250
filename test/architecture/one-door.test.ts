import ts from "typescript";
import { describe, expect, test } from "vitest";
import { readSources, type Sources } from "./sources.ts";

/** The methods of a store that change something. */
const WRITES = [
  "insert",
  "transition",
  "admit",
  "append",
  "checkpoint",
  "renew",
  "claim",
  "prolong",
  "settle",
  "resetTurns",
  "sweep",
];

/** Who writes to a store, or makes known what was written, beside the ledger. */
function violations(sources: Sources): string[] {
  return Object.entries(sources)
    .filter(
      ([file]) => /^(core|follow-up|tools|adapters|http)\//.test(file) && !file.startsWith("core/ledger/"),
    )
    .flatMap(([file, text]) => callsIn(file, text));
}

function callsIn(file: string, text: string): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAccessExpression(node)) {
      const name = node.name.text;
      const isWrite = WRITES.includes(name) && /(^|[.#])store$/.test(node.expression.getText());
      if (isWrite) found.push(`${file} calls ${name} of a store`);
      if (name === "publish") found.push(`${file} publishes`);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true));
  return found;
}

test("only the ledger writes to the store and makes known what was written", () => {
  expect(violations(readSources())).toEqual([]);
});

describe("another door is reported", () => {
  test.each(WRITES)("%s", (method) => {
    const text = `gateway.ask("${method}", (store) => store.${method}(task));`;
    expect(violations({ "core/tasks/a.ts": text })).toEqual([`core/tasks/a.ts calls ${method} of a store`]);
    expect(violations({ "core/ledger/a.ts": text })).toEqual([]);
  });

  test("in a class that keeps the store", () => {
    const text = "class A { #store; b() { this.#store.insert(1); } }";
    expect(violations({ "follow-up/a.ts": text })).toEqual(["follow-up/a.ts calls insert of a store"]);
  });

  test("publishing", () => {
    const text = "this.#notices.publish(record, events);";
    expect(violations({ "core/upkeep/a.ts": text })).toEqual(["core/upkeep/a.ts publishes"]);
  });
});
