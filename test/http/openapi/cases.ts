/** The kinds of requests that a document lets one think of, and what it says will come of each. */

import fc from "fast-check";
import { type Document, type Operation, operationsOf } from "./document.ts";
import { type Draft, ofNobody, pair, plain, soundDraft, withHeaders } from "./drafts.ts";
import { textOf, type Values } from "./values.ts";

/** What must come of it, beside what the operation says of all its answers. */
export interface Case {
  name: string;
  draft: fc.Arbitrary<Draft>;
  /** Undefined where the document has no such path or method. */
  operation?: Operation;
  /** Whether the request is as the document wants it, so that it must not be refused as malformed. */
  isSound: boolean;
  status?: number;
  field?: string;
  allow?: string;
  /** Whether the same is asked for once more, with the tag of the answer. */
  again?: boolean;
}

export function casesOf(document: Document, values: Values): Case[] {
  const operations = operationsOf(document);
  return [
    ...operations.flatMap((operation) => casesFor(operation, values)),
    ...Object.keys(document.paths).flatMap((path) => wrongMethods(path, operations)),
    { name: "elsewhere", draft: elsewhere(document), isSound: false, status: 404 },
  ];
}

type Wrong = Pick<Case, "name" | "draft"> & Partial<Case>;

function casesFor(operation: Operation, values: Values): Case[] {
  const { method, isOpen, path } = operation;
  const name = `${method} ${path}`;
  const draft = soundDraft(operation, values);
  const sound = { name, operation, draft, isSound: true };
  const reading: Case[] = [
    { ...sound, name: `${name}, again`, again: true },
    { ...sound, name: `HEAD ${path}`, draft: draft.map((own) => ({ ...own, method: "HEAD" })) },
  ];
  const wrong = [
    ...wrongQueries(operation, draft, values),
    ...wrongHeaders(operation, draft, values),
    ...wrongIds(operation, draft),
    ...wrongBodies(operation, draft, values),
  ];
  return [
    { ...sound, name: `${name} as such`, draft: draft.map((own) => ({ ...own, path, query: [] })) },
    ...[sound, sound, sound],
    ...(method === "GET" ? reading : []),
    ...(isOpen ? [] : [{ ...sound, name: `${name} of nobody`, draft: draft.map(ofNobody), status: 401 }]),
    ...wrong.map((own) => ({ ...sound, isSound: false, ...own, name: `${name}, ${own.name}` })),
  ];
}

function wrongQueries({ parameters }: Operation, draft: fc.Arbitrary<Draft>, values: Values): Wrong[] {
  const inQuery = parameters.filter((parameter) => parameter.in === "query");
  const asking = (name: string, texts: fc.Arbitrary<string>, times = 1): Wrong => ({
    name: `${name} unusable`,
    draft: fc.tuple(draft, texts).map(([own, text]) => {
      const others = own.query.filter(([other]) => other !== name);
      return { ...own, query: [...others, ...Array.from({ length: times }, () => pair(name, text))] };
    }),
    status: 400,
    field: name,
  });
  const ranges = inQuery.filter(({ schema }) => schema.maximum !== undefined);
  const single = inQuery.filter(({ schema }) => schema.type !== "array");
  return [
    ...inQuery.map(({ name, schema }) => asking(name, values.unfittingText(schema))),
    ...ranges.map(({ name, schema }) => asking(name, values.besideText(schema))),
    ...single.map(({ name, schema }) => asking(name, values.fitting(schema).map(textOf), 2)),
    asking("unheardOf", fc.string()),
  ];
}

function wrongHeaders({ parameters }: Operation, draft: fc.Arbitrary<Draft>, values: Values): Wrong[] {
  const checked = parameters.filter((parameter) => parameter.in === "header" && parameter.schema.pattern);
  return checked.map(({ name, schema }) => ({
    name: `${name} unusable`,
    draft: fc
      .tuple(draft, values.unfittingHeader(schema))
      .map(([own, text]) => withHeaders(own, { [name]: text })),
    status: 400,
    field: name,
  }));
}

function wrongIds({ path }: Operation, draft: fc.Arbitrary<Draft>): Wrong[] {
  if (!path.includes("{id}")) return [];
  const ids = fc.constantFrom("a.b", "%41", "a%2Fb", "~", "ä", "x".repeat(129), "%00");
  const without = draft.map((own) => ({ ...own, path, query: [] }));
  const wrong = fc.tuple(without, ids).map(([own, id]) => ({ ...own, path: path.replace("{id}", id) }));
  return [{ name: "no id", draft: wrong, status: 404 }];
}

function wrongBodies({ requestBody }: Operation, draft: fc.Arbitrary<Draft>, values: Values): Wrong[] {
  const json = requestBody?.content["application/json"];
  if (json === undefined) return [];
  const withBody = (body: fc.Arbitrary<string>) =>
    fc.tuple(draft, body).map(([own, text]) => ({ ...own, body: text }));
  const other = { "Content-Type": "text/plain" };
  return [
    {
      name: "body unusable",
      draft: withBody(values.unfitting(json.schema).map((own) => JSON.stringify(own))),
      status: 400,
    },
    { name: "body no JSON", draft: withBody(fc.constantFrom("{", "nonsense", "{}{}", "[1,")), status: 400 },
    { name: "body large", draft: withBody(fc.constant(JSON.stringify({ other: "x".repeat(99_999) }))) },
    {
      name: "body of another type",
      draft: draft.map((own) => ({ ...own, body: "x", headers: other })),
      status: 415,
    },
  ];
}

/** Every method that a path does not have. */
function wrongMethods(path: string, operations: readonly Operation[]): Case[] {
  const own = operations.filter((operation) => operation.path === path).map(({ method }) => method);
  const allowed = own.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]));
  const others = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].filter(
    (method) => !allowed.includes(method),
  );
  const draft = fc.constantFrom(...others).map((method) => ({ ...plain(method), path }));
  return [
    { name: `another method at ${path}`, draft, isSound: false, status: 405, allow: allowed.join(", ") },
  ];
}

/** Where the document has no place for anything. */
function elsewhere(document: Document): fc.Arbitrary<Draft> {
  const paths = fc.constantFrom(...Object.keys(document.paths));
  const name = fc.stringMatching(/^[a-z]{9,12}$/);
  return fc.tuple(paths, name).map(([path, own]) => ({ ...plain("GET"), path: `${path}/${own}/${own}` }));
}
