import { execFile } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import ts from "typescript";
import { embeddedModule } from "../../scripts/embedded.ts";
import { root, type Snippet } from "./extract.ts";

/** Several start at once, and some import much. */
const TIMEOUT_MS = 18_000;

/** A folder in which programs find the library, made from `src`, under its own name. */
export class Workshop {
  readonly #folder = mkdtempSync(join(tmpdir(), "snippets-"));
  #count = 0;

  constructor() {
    for (const file of readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })) {
      if (/(?<!\.d)\.ts$/.test(file)) this.#write(`dist/${file}`, this.#unpacked(join(root, "src", file)));
    }
    writeFileSync(join(this.#folder, "package.json"), readFileSync(join(root, "package.json")));
    symlinkSync(join(root, "node_modules"), join(this.#folder, "node_modules"), "junction");
  }

  /** Runs a program in a process of its own; answers what it printed. Rejects if it fails or does not end. */
  async run({ code }: Snippet, env: Record<string, string> = {}): Promise<string> {
    this.#count += 1;
    const file = this.#write(`snippet-${this.#count}.ts`, code);
    const { stdout } = await promisify(execFile)(process.execPath, [file], {
      timeout: TIMEOUT_MS,
      env: { ...process.env, ...env },
    });
    return stdout;
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Node knows of no programs that are embedded: each becomes a file. */
  #unpacked(path: string): string {
    return readFileSync(path, "utf8").replaceAll(/"(embedded:[^"]+)"/g, (_all, id: string) => {
      const file = this.#write(`${id.replaceAll(/\W/g, "-")}.ts`, embeddedModule(id));
      return JSON.stringify(pathToFileURL(file).href);
    });
  }

  #write(name: string, code: string): string {
    const file = join(this.#folder, name.replace(/\.ts$/, ".js"));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, ts.transpile(code, COMPILER_OPTIONS));
    return file;
  }
}

const COMPILER_OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  verbatimModuleSyntax: true,
  rewriteRelativeImportExtensions: true,
};

/** The comments behind a `console.log(…);`, which say what it prints; "…" stands for whatever is there. */
export function promises({ code }: Snippet): RegExp[] {
  return [...code.matchAll(/^.*console\.log\(.*\); \/\/ (.+)$/gm)].map(([, promise = ""]) => {
    const parts = flat(promise)
      .split("…")
      .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    return new RegExp(parts.join("[^]*"));
  });
}

/** Which promises a program has not kept, in the order in which they should come true. */
export function broken(snippet: Snippet, output: string): string[] {
  let rest = flat(output);
  return promises(snippet).flatMap((promise) => {
    const kept = promise.exec(rest);
    if (kept === null) return [promise.source];
    rest = rest.slice(kept.index + 1);
    return [];
  });
}

/** One line without quotes: comments show a text with them, `console.log` without. */
function flat(text: string): string {
  return text.replaceAll(/["']/g, "").replaceAll(/\s+/g, " ").trim();
}
