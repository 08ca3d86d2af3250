import ts from "typescript";
import { expect, expectTypeOf, test } from "vitest";
import type * as z from "zod";
import type * as client from "../../src/client/index.ts";
import type * as http from "../../src/http/index.ts";

test("a change of the protocol breaks the build: what the client returns is what the schemas say", () => {
  type Returned<Call extends keyof client.TaskClient> = Awaited<ReturnType<client.TaskClient[Call]>>;
  expectTypeOf<Returned<"list">>().toEqualTypeOf<z.output<typeof http.taskPageSchema>>();
  expectTypeOf<Returned<"get">>().toEqualTypeOf<z.output<typeof http.taskInfoSchema> | undefined>();
  expectTypeOf<Returned<"cancel">>().toEqualTypeOf<z.output<typeof http.taskInfoSchema>>();
  expectTypeOf<Returned<"create">>().toEqualTypeOf<z.output<typeof http.taskInfoSchema>>();
  expectTypeOf<Returned<"waitFor">>().toEqualTypeOf<z.output<typeof http.taskResultSchema>>();
  expectTypeOf<Returned<"result">>().toEqualTypeOf<z.output<typeof http.taskResultSchema> | undefined>();
  expectTypeOf<Returned<"events">>().branded.toEqualTypeOf<z.output<typeof http.eventPageSchema>>();
  expectTypeOf<{ tools: Returned<"tools"> }>().toEqualTypeOf<z.output<typeof http.toolListSchema>>();
});

test("what the client sends is what the schemas take", () => {
  type Plain<Options> = { [Name in keyof Omit<Options, "signal">]?: Exclude<Options[Name], undefined> };
  expectTypeOf<keyof Plain<client.ListOptions>>().toEqualTypeOf<keyof Omit<http.TaskListQuery, "waitMs">>();
  expectTypeOf<keyof Plain<client.ResultOptions>>().toEqualTypeOf<keyof Omit<http.ResultQuery, "waitMs">>();
  expectTypeOf<Plain<client.EventsOptions>>().toExtend<http.EventsQuery>();
  expectTypeOf<Plain<client.CancelOptions>>().toExtend<http.CancelBody>();
  expectTypeOf<keyof client.NewTask>().toEqualTypeOf<keyof http.CreateBody>();
  expectTypeOf<Required<Plain<client.NewTask>>>().toExtend<http.CreateBody>();
});

test("it takes the runtime's own fetch and signals", () => {
  expectTypeOf<typeof fetch>().toExtend<client.Fetch>();
  expectTypeOf<AbortSignal>().toExtend<client.Signal>();
  expectTypeOf<(request: string, init?: RequestInit) => Promise<Response>>().toExtend<client.Fetch>();
});

test("its declarations need no types of a browser, of Node or of zod", () => {
  const strict = { strict: true, target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
  const common = { ...strict, moduleResolution: ts.ModuleResolutionKind.Bundler, skipLibCheck: true };
  const written = new Map<string, string>();
  const sources = ts.createProgram([ENTRY], {
    ...common,
    types: ["node"],
    lib: ["lib.es2023.d.ts"],
    declaration: true,
    emitDeclarationOnly: true,
    allowImportingTsExtensions: true,
  });
  sources.emit(undefined, (file, text) => void written.set(file, text), undefined, true);
  const faults = faultsOf(written, ENTRY.replace(/\.ts$/, ".d.ts"), {
    ...common,
    skipLibCheck: false,
    types: [],
    lib: ["lib.es2023.d.ts"],
  });
  expect(written.size).toBeGreaterThan(5);
  expect(faults).toEqual([]);
  expect([...written.values()].join()).not.toMatch(/from "zod|reference types/);
  // It compiles twice, on a machine that others load too.
}, 60_000);

const ENTRY = new URL("../../src/client/index.ts", import.meta.url).pathname;

function faultsOf(texts: ReadonlyMap<string, string>, entry: string, options: ts.CompilerOptions): string[] {
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  const own = (file: string) => texts.get(file) ?? texts.get(file.replace(/\.ts$/, ".d.ts"));
  const isSource = (file: string) => texts.has(file.replace(/(?<!\.d)\.ts$/, ".d.ts")) && !texts.has(file);
  host.fileExists = (file) => !isSource(file) && (texts.has(file) || fileExists(file));
  host.readFile = (file) => own(file) ?? readFile(file);
  host.getSourceFile = (file, version, onError) => {
    const text = texts.get(file);
    return text === undefined
      ? getSourceFile(file, version, onError)
      : ts.createSourceFile(file, text, version);
  };
  const program = ts.createProgram([entry], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ messageText, file }) => {
    return `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`;
  });
}
