import { describe, expect, test } from "vitest";
import { maskText } from "../../../src/core/values/redact.ts";
import { isSecretKey } from "../../../src/core/values/secrets/keys.ts";
import { cleanReason, describeError, summarize } from "../../../src/core/values/summary.ts";
import { HARMLESS_KEYS, HARMLESS_TEXTS, SECRET_KEYS, SECRET_TEXTS } from "./secrets.ts";

const words = (list: string) => list.trim().split(/\s+/);

test("the tables are long enough to mean something, and say nothing twice", () => {
  for (const list of [
    words(SECRET_KEYS),
    words(HARMLESS_KEYS),
    SECRET_TEXTS.map(([text]) => text),
    HARMLESS_TEXTS,
  ])
    expect(list.filter((one, index) => list.indexOf(one) !== index)).toEqual([]);
  expect(words(SECRET_KEYS).length).toBeGreaterThanOrEqual(150);
  expect(SECRET_TEXTS.length).toBeGreaterThanOrEqual(150);
  expect(words(HARMLESS_KEYS).length).toBeGreaterThanOrEqual(60);
  expect(HARMLESS_TEXTS.length).toBeGreaterThanOrEqual(60);
});

describe("the value of a key is a secret", () => {
  test.each(words(SECRET_KEYS))("%s", (key) => {
    expect(isSecretKey(key, "hunter2")).toBe(true);
    expect(summarize({ toolName: "f", input: { [key]: "hunter2" } })).not.toContain("hunter2");
    expect(maskText(`${key}="hunter 2"`)).not.toContain("hunter");
  });
});

describe("the value of a key is none", () => {
  test.each(words(HARMLESS_KEYS))("%s", (key) => {
    expect(isSecretKey(key, "value")).toBe(false);
    expect(summarize({ toolName: "f", input: { [key]: "value" } })).toContain('="value"');
  });
});

describe("a text has a secret", () => {
  test.each(SECRET_TEXTS)("%s", (text, secret) => {
    expect(maskText(text)).not.toContain(secret);
    expect(maskText(`Error (${text})`)).not.toContain(secret);
    expect(maskText(JSON.stringify({ text }))).not.toContain(JSON.stringify(secret).slice(1, -1));
    expect(describeError(new Error(text))).not.toContain(secret);
    expect(cleanReason(text)).not.toContain(secret);
    expect(summarize({ toolName: "f", input: { text } })).not.toContain(secret);
    expect(summarize({ toolName: "f", input: text, summarize: (input) => input })).not.toContain(secret);
  });
});

describe("a text has none", () => {
  test.each(HARMLESS_TEXTS)("%s", (text) => {
    expect(maskText(text)).toBe(text);
    expect(describeError(new Error(text))).toBe(text.trim());
  });
});
