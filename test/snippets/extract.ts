import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));

/** Every page of the documentation, by its path. */
export const pages: ReadonlyMap<string, string> = new Map(
  ["README.md", "CONTRIBUTING.md", ...readdirSync(join(root, "docs")).map((file) => `docs/${file}`)].map(
    (file) => [file, readFileSync(join(root, file), "utf8")],
  ),
);

/** A piece of code from the documentation. */
export interface Snippet {
  /** Where it stands, for people: "README.md:42". */
  place: string;
  code: string;
  /** Whether it says of itself that it is to be type-checked only. */
  typesOnly: boolean;
}

const FENCE = /^( *)```(\w+)\n([\s\S]*?)^\1```$/gm;
/** The caption of an example that needs something that is not there when the others are run. */
const NOT_RUN = /^ With /;
const TYPES_ONLY = /<!-- check: types -->\s*$/;

/** The fenced blocks of all pages in any of these languages. */
export function fenced(...languages: readonly string[]): Snippet[] {
  return [...pages].flatMap(([file, text]) => fencedIn(text, languages, file));
}

function fencedIn(text: string, languages: readonly string[], file: string): Snippet[] {
  return [...text.matchAll(FENCE)]
    .filter(([, , language = ""]) => languages.includes(language))
    .map(({ index, 1: indent = "", 3: code = "" }) => ({
      place: `${file}:${lineAt(text, index)}`,
      code: code.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
      typesOnly: TYPES_ONLY.test(text.slice(0, index)),
    }));
}

/** Every `@example` in the docstrings of `src`. One that leans on its own file gets its exports imported. */
export function docstringExamples(): Snippet[] {
  const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" });
  return files.filter((file) => file.endsWith(".ts")).flatMap((file) => examplesIn(`src/${file}`));
}

/** A program that stands alone: it imports the package, and does not ask for less. */
export function isComplete({ code, typesOnly }: Snippet): boolean {
  return !typesOnly && /from "tool-offload(\/[\w/-]+)?"/.test(code);
}

function examplesIn(file: string): Snippet[] {
  const text = readFileSync(join(root, file), "utf8");
  return [...text.matchAll(/\/\*\*[\s\S]*?\*\//g)].flatMap(({ 0: comment, index }) => {
    const lines = comment.replaceAll(/^\s*\/?\*+[ /]?/gm, "");
    const [, ...examples] = lines.split(/^@example/m);
    return examples.map((example) => {
      const [caption = "", ...rest] = (example.split(/^@\w/m)[0] ?? "").split("\n");
      const code = rest
        .join("\n")
        .replaceAll(/^```(\w+)?$/gm, "")
        .trim();
      const place = `${file}:${lineAt(text, index)}`;
      return { place, code: ownImports(file, text, code) + code, typesOnly: NOT_RUN.test(caption) };
    });
  });
}

function ownImports(file: string, text: string, code: string): string {
  if (isComplete({ place: file, code, typesOnly: false })) return "";
  const exported = [...text.matchAll(/^export (?:async )?(?:function|class|const) (\w+)/gm)].map(
    ([, name]) => name,
  );
  const used = exported.filter((name) => new RegExp(`\\b${name}\\b`).test(code));
  return used.length === 0 ? "" : `import { ${used.join(", ")} } from "${root}${file}";\n`;
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}
