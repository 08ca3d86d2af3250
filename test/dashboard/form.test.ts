import { expect, test } from "vitest";
import * as z from "zod";
import { fieldsOf, inputOf, isIn, WHOLE } from "../../src/dashboard/app/form.ts";

const schema = z.toJSONSchema(
  z.object({
    title: z.string().describe("What it is about"),
    pages: z.number().int().min(1).max(9).default(2),
    share: z.number().optional(),
    format: z.enum(["pdf", "html"]),
    draft: z.boolean(),
    quiet: z.boolean().optional(),
    sources: z.array(z.string()).optional(),
  }),
  { io: "input" },
) as Record<string, unknown>;

test("a form has a field for each plain property, and JSON for the others", () => {
  const kinds = fieldsOf(schema).map(({ name, kind, isRequired }) => [name, kind, isRequired]);
  expect(kinds).toEqual([
    ["title", "string", true],
    ["pages", "number", false],
    ["share", "number", false],
    ["format", "enum", true],
    ["draft", "boolean", true],
    ["quiet", "boolean", false],
    ["sources", "json", false],
  ]);
  const pages = fieldsOf(schema).find(({ name }) => name === "pages");
  expect(pages).toMatchObject({ initial: "2", step: 1, min: 1, max: 9 });
});

test("what is left empty is left out, as far as it may be", () => {
  expect(inputOf(schema, { title: "May", format: "pdf" })).toEqual({
    title: "May",
    pages: 2,
    format: "pdf",
    draft: false,
  });
});

test("what is filled in is of its type", () => {
  const values = {
    title: "",
    pages: "3",
    share: "0.5",
    format: "html",
    draft: "true",
    quiet: "false",
    sources: '["a"]',
  };
  expect(inputOf(schema, values)).toEqual({
    title: "",
    pages: 3,
    share: 0.5,
    format: "html",
    draft: true,
    quiet: false,
    sources: ["a"],
  });
});

test("a property may have the name of one that every object has", () => {
  const properties = { constructor: { type: "string" }, toString: { type: "number" } };
  expect(inputOf({ type: "object", properties }, {})).toEqual({});
  expect(inputOf({ type: "object", properties }, { constructor: "a" })).toEqual({ constructor: "a" });
});

test("a default of null is no text", () => {
  const properties = { title: { type: "string", default: null }, pages: { type: "integer", default: null } };
  expect(inputOf({ type: "object", properties }, {})).toEqual({});
});

test("a fault deep in a property is one of its field", () => {
  const wrong = (at: string) =>
    fieldsOf(schema)
      .filter((field) => isIn(field, at))
      .map(({ name }) => name);
  expect([wrong("sources.0"), wrong("title"), wrong("")]).toEqual([["sources"], ["title"], []]);
});

test("what is no JSON is refused, by the name of its field", () => {
  expect(() => inputOf(schema, { sources: "[" })).toThrow("sources is not valid JSON.");
  expect(() => inputOf({}, { [WHOLE]: "{" })).toThrow("The input is not valid JSON.");
});

test.each([[{}], [{ type: "array" }], [{ anyOf: [{ type: "string" }] }], [{ type: "object" }]])(
  "input of the schema %j is JSON as a whole",
  (other) => {
    expect(fieldsOf(other).map(({ name, kind }) => [name, kind])).toEqual([[WHOLE, "json"]]);
    expect(inputOf(other, { [WHOLE]: "[1]" })).toEqual([1]);
    expect(inputOf(other, {})).toEqual({});
  },
);
