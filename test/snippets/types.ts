import { join } from "node:path";
import ts from "typescript";
import { root, type Snippet } from "./extract.ts";

/**
 * What the fragments of the README go on from. It says so itself: "They use its `tasks` and `offload`, a
 * `scope`, and the `id` of a task." `handler` is made in the section on HTTP; the rest are other runtimes.
 */
const PRELUDE = `
import type { BackgroundTaskManager, TaskScope, ToolOffloadMiddleware } from "tool-offload";
type Handler = (request: Request) => Promise<Response>;
declare global {
  const tasks: BackgroundTaskManager;
  const offload: ToolOffloadMiddleware;
  const scope: TaskScope;
  const id: string;
  const handler: Handler;
  const Bun: { serve(options: { port: number; fetch: Handler }): unknown };
  const Deno: { serve(options: { port: number }, handler: Handler): unknown };
}
`;

const ENTRIES = [
  "src/client/index.ts",
  "src/http/index.ts",
  "src/follow-up/index.ts",
  "src/tools/index.ts",
  "src/testing/index.ts",
];

/** Snippets as modules of one program, beside the sources of the library. */
export class SnippetProgram {
  readonly #files: Map<string, Snippet>;
  readonly #program: ts.Program;

  constructor(snippets: readonly Snippet[]) {
    const config = readConfig();
    this.#files = new Map(
      snippets.map((snippet, index) => [join(root, `test/snippet-${index}.ts`), snippet]),
    );
    const prelude = join(root, "test/snippet-prelude.ts");
    const texts = new Map([...this.#files].map(([file, { code }]) => [file, code]));
    const host = hostWith(texts.set(prelude, PRELUDE), config);
    this.#program = ts.createProgram(
      [...this.#files.keys(), prelude, ...ENTRIES.map((entry) => join(root, entry))],
      config,
      host,
    );
  }

  /** What the compiler has against the snippets, one line for each fault. */
  faults(): string[] {
    return [...this.#files].flatMap(([file, { place }]) => {
      const source = this.#program.getSourceFile(file);
      return ts.getPreEmitDiagnostics(this.#program, source).map((fault) => {
        const line = source?.getLineAndCharacterOfPosition(fault.start ?? 0).line ?? 0;
        return `${place} (line ${line + 1} of it): ${ts.flattenDiagnosticMessageText(fault.messageText, " ")}`;
      });
    });
  }

  /** The properties of an interface in `src`: their `@default`, and whether they may be left out. */
  optionsOf(name: string): Map<string, { isOptional: boolean; documented: string | undefined }> {
    const checker = this.#program.getTypeChecker();
    const type = checker.getDeclaredTypeOfSymbol(this.#symbolOf(name));
    const described = type.getProperties().map((property) => {
      const tag = property.getJsDocTags(checker).find((tag) => tag.name === "default");
      const isOptional = (property.flags & ts.SymbolFlags.Optional) !== 0;
      return [property.name, { isOptional, documented: tag && ts.displayPartsToString(tag.text) }] as const;
    });
    return new Map(described);
  }

  /** The members of a union of texts, or the `type`s of a union of objects. */
  membersOf(name: string): string[] {
    const checker = this.#program.getTypeChecker();
    const type = checker.getDeclaredTypeOfSymbol(this.#symbolOf(name));
    return (type.isUnion() ? type.types : [type]).map((member) => {
      const tag = member.getProperty("type");
      const literal = tag ? checker.getTypeOfSymbol(tag) : member;
      return literal.isStringLiteral() ? literal.value : checker.typeToString(literal);
    });
  }

  /** The interfaces that a file of `src` exports. */
  interfacesIn(file: string): string[] {
    const source = this.#program.getSourceFile(join(root, file));
    const nodes = source?.statements.filter((node) => ts.isInterfaceDeclaration(node)) ?? [];
    return nodes.map(({ name }) => name.text);
  }

  #symbolOf(name: string): ts.Symbol {
    const checker = this.#program.getTypeChecker();
    for (const source of this.#program.getSourceFiles()) {
      if (!source.fileName.startsWith(join(root, "src"))) continue;
      for (const node of source.statements) {
        const isType = ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node);
        if (!isType || node.name.text !== name) continue;
        const symbol = checker.getSymbolAtLocation(node.name);
        if (symbol) return symbol;
      }
    }
    throw new Error(`There is no type ${name} in src.`);
  }
}

function readConfig(): ts.CompilerOptions {
  const file = join(root, "tsconfig.check.json");
  const { config } = ts.readConfigFile(file, ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, files: [] }, ts.sys, root, undefined, file);
  return { ...options, noUnusedLocals: false, noUnusedParameters: false };
}

/** The files on disk, and these beside them. */
function hostWith(texts: ReadonlyMap<string, string>, options: ts.CompilerOptions): ts.CompilerHost {
  const host = ts.createCompilerHost(options);
  const { readFile, fileExists, getSourceFile } = host;
  host.readFile = (file) => texts.get(file) ?? readFile(file);
  host.fileExists = (file) => texts.has(file) || fileExists(file);
  host.getSourceFile = (file, version, onError) => {
    const text = texts.get(file);
    if (text !== undefined) return ts.createSourceFile(file, text, version);
    return getSourceFile(file, version, onError);
  };
  return host;
}
