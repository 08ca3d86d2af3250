/** Requests as a document wants them. */

import fc from "fast-check";
import type { Operation, Parameter } from "./document.ts";
import { textOf, type Values } from "./values.ts";

/** A request to be sent. In its path `{id}` is an id that was seen in an answer, unless it has been filled in. */
export interface Draft {
  method: string;
  path: string;
  query: [name: string, text: string][];
  headers: Headers;
  body?: string | undefined;
  hasCredentials: boolean;
}

type Headers = Record<string, string>;

export function soundDraft(operation: Operation, values: Values): fc.Arbitrary<Draft> {
  const { method, path, parameters, isOpen } = operation;
  const inQuery = parameters.filter((parameter) => parameter.in === "query");
  const texts = inQuery.map(({ name, schema }) => [name, values.fitting(schema).map(textOf)] as const);
  const query = fc
    .record(Object.fromEntries(texts), { requiredKeys: [] })
    .map((own) => Object.entries(own).map(([name, text = ""]) => pair(name, text)));
  const id = parameters.find((parameter) => parameter.in === "path")?.schema;
  const made = id ? values.fitting(id).map((own) => path.replace("{id}", String(own))) : fc.constant(path);
  const paths = fc.oneof({ weight: 4, arbitrary: fc.constant(path) }, made);
  return fc
    .record({
      path: paths,
      query,
      headers: soundHeaders(operation, values),
      body: soundBody(operation, values),
    })
    .map((own) => withHeaders({ ...plain(method), ...own, hasCredentials: !isOpen }, plain(method).headers))
    .map((own) => withoutWhatIsNotOf(own, inQuery));
}

/** Some parameters are said to go with other types than the one that is asked for. */
function withoutWhatIsNotOf(draft: Draft, parameters: readonly Parameter[]): Draft {
  const others = parameters.filter(({ description }) =>
    description?.includes(`Not with \`${draft.headers.Accept}\`.`),
  );
  const query = draft.query.filter(([name]) => !others.some((other) => other.name === name));
  return { ...draft, query };
}

/** Those that it reads, and what it may answer with, where there is a choice. */
function soundHeaders({ parameters, responses }: Operation, values: Values): fc.Arbitrary<Headers> {
  const own = parameters.filter((parameter) => parameter.in === "header");
  const texts = own.map(({ name, schema }) => [name, values.headerText(schema)] as const);
  const types = Object.keys(responses[200]?.content ?? {});
  const choice = types.length > 1 ? { Accept: fc.constantFrom(...types) } : {};
  return fc.record(
    { ...Object.fromEntries(texts), ...choice },
    { requiredKeys: [] },
  ) as fc.Arbitrary<Headers>;
}

function soundBody({ requestBody }: Operation, values: Values): fc.Arbitrary<string | undefined> {
  const json = requestBody?.content["application/json"];
  if (json === undefined) return fc.constant(undefined);
  const body = values.fitting(json.schema).map((own) => JSON.stringify(own));
  return requestBody?.required ? body : fc.option(body, { nil: "" });
}

export function plain(method: string): Draft {
  const headers = method === "POST" ? { "Content-Type": "application/json" } : {};
  return { method, path: "", query: [], headers, hasCredentials: true };
}

export function withHeaders(draft: Draft, headers: Headers): Draft {
  return { ...draft, headers: { ...draft.headers, ...headers } };
}

export function ofNobody(draft: Draft): Draft {
  return { ...draft, hasCredentials: false };
}

export function pair(name: string, text: string): [string, string] {
  return [name, text];
}
