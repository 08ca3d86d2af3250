import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

/** File contents by path under `src/`, with forward slashes. */
export type Sources = Record<string, string>;

export interface Module {
  file: string;
  lines: number;
  imports: string[];
  starExport: boolean;
  defaultExport: boolean;
}

export function readSources(): Sources {
  const root = fileURLToPath(new URL("../../src/", import.meta.url));
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((file) =>
    /\.[cm]?tsx?$/.test(file),
  );
  return Object.fromEntries(
    files.map((file) => [file.replaceAll("\\", "/"), readFileSync(`${root}/${file}`, "utf8")]),
  );
}

export function parse(file: string, text: string): Module {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found: Module = {
    file,
    lines: text.replace(/\n$/, "").split("\n").length,
    imports: [],
    starExport: false,
    defaultExport: false,
  };
  const addImport = (node: ts.Node | undefined) => {
    if (node && ts.isStringLiteralLike(node)) found.imports.push(node.text);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) addImport(node.moduleSpecifier);
    if (ts.isExternalModuleReference(node)) addImport(node.expression);
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) addImport(node.argument.literal);
    if (ts.isCallExpression(node) && isImportOrRequire(node.expression)) addImport(node.arguments[0]);
    if (ts.isExportDeclaration(node)) {
      addImport(node.moduleSpecifier);
      if (!node.exportClause || ts.isNamespaceExport(node.exportClause)) found.starExport = true;
    }
    if (isDefaultExport(node)) found.defaultExport = true;
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function isImportOrRequire(callee: ts.Expression): boolean {
  return (
    callee.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(callee) && callee.text === "require")
  );
}

function isDefaultExport(node: ts.Node): boolean {
  if (ts.isExportAssignment(node)) return true;
  if (ts.isExportSpecifier(node)) return node.name.text === "default";
  return (
    ts.canHaveModifiers(node) &&
    (ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword) ?? false)
  );
}

export function isRelative(specifier: string): boolean {
  return /^\.{0,2}\//.test(specifier) || specifier === "." || specifier === "..";
}

export function resolve(from: string, specifier: string): string {
  return posix.join(posix.dirname(from), specifier);
}

/** Which file imports which, both under `src/`. */
export function importsOf(sources: Sources): Map<string, string[]> {
  return new Map(
    Object.entries(sources).map(([file, text]) => [
      file,
      parse(file, text)
        .imports.filter(isRelative)
        .map((specifier) => resolve(file, specifier)),
    ]),
  );
}

/** Every file that `start` reaches, with the path that leads there. */
export function reach(start: string, graph: Map<string, string[]>): Map<string, string[]> {
  const reached = new Map<string, string[]>();
  const queue: string[][] = [[start]];
  for (const path of queue) {
    for (const next of graph.get(path.at(-1) ?? start) ?? []) {
      if (reached.has(next)) continue;
      reached.set(next, [...path, next]);
      queue.push([...path, next]);
    }
  }
  return reached;
}
