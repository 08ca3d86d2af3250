import { describe, expect, test } from "vitest";
import { maskText } from "../../../src/core/values/redact.ts";
import { isSecretKey } from "../../../src/core/values/secrets/keys.ts";
import { countSteps } from "../../support/counted-regexp.ts";
import { SECRET_TEXTS } from "./secrets.ts";

/** What a pattern may begin with, go on with, or wait for in vain. */
const UNITS = [
  ..."a1 \\\"'=-:@/?&;,.([{<>|_%~$",
  ...[
    "a ",
    "a=",
    "a:",
    "--a ",
    "-u ",
    "-u a",
    "-u a:",
    "-u 'a",
    "://",
    "://a:",
    "://a@",
    "://a:b",
    "a:1",
    "a:b@",
  ],
  ...[
    "bearer ",
    "Basic ",
    "Basic aB",
    "password",
    "cookie",
    "token: ",
    "token=)",
    "token[",
    "token\\",
    "--token ",
  ],
  ...[
    'password="',
    "password='\\",
    'password=\\"',
    "password=\\\\\"'",
    "password=a&",
    "password=a;b",
    "cookie:\n",
  ],
  ...[
    "password is ",
    "password '",
    "api ",
    "api key",
    "max total ",
    "&quot;",
    "%22",
    "a&quot;:",
    "%3d",
    "x: | ",
  ],
  ...[
    "-----BEGIN PRIVATE KEY",
    "-----BEGIN ",
    "-----END PRIVATE",
    "Private-Lines: ",
    "eyJ",
    "-eyJ",
    "eyJaaaaaa.",
  ],
  ...[
    "sk-",
    "sk-a",
    "ghp_",
    "xoxb-",
    "key-0",
    "$2b$",
    "1234567:AA",
    "aaaaaaaaaaaaaa.atlasv1",
    "aB1Q~",
    "AKIA",
    "re_",
  ],
  ...[
    "hooks.slack.com/a/",
    "/webhook/",
    "/hook/a/",
    "hook.a",
    "/trigger/a",
    "?code=",
    "&key=",
    ":thin:",
    "tcp(",
  ],
  ...[
    "sshpass ",
    "mysql ",
    "mysql -",
    "login ",
    "login a password",
    "identified ",
    "identified by",
    "zip -",
    "mongo -",
  ],
  ...[
    "<a ",
    "<a>",
    "<a",
    "<password>",
    "name:",
    'name: "a", ',
    'name:"a",value:',
    '["a",',
    "['",
    '["a","',
    "value",
  ],
  ...["confirm", "recovery", "seed_", "max_", "card_", "Ab", "aB", "пароль", "密", "\ud83d\ude00"],
];

const SHAPES: [name: string, make: (unit: string, length: number) => string][] = [
  ["alone", (unit, length) => unit.repeat(length / unit.length)],
  ["after a key", (unit, length) => `password=${unit.repeat(length / unit.length)}`],
  ["as a key", (unit, length) => `password${unit.repeat(length / unit.length)}!`],
  ["after a flag", (unit, length) => `--token ${unit.repeat(length / unit.length)}!`],
];

/** Twice the text may take twice the steps, and more only where a bound of 200 signs is not reached yet. */
const MOST = 3;
const LENGTH = 240;
/** Steps that are taken once. */
const FEW = 2_000;

const stepsOf = (text: string) => countSteps(() => maskText(text)).steps;
const sum = (steps: Map<string, number>) => [...steps.values()].reduce((total, some) => total + some, 0);

describe("the steps of masking grow with the text", () => {
  test.each(UNITS)("of %j", (unit) => {
    for (const [shape, make] of SHAPES) {
      const once = stepsOf(make(unit, LENGTH));
      for (const [pattern, steps] of stepsOf(make(unit, 2 * LENGTH)))
        expect(steps, `${shape}, ${pattern}`).toBeLessThan(MOST * (once.get(pattern) ?? 0) + FEW);
    }
  });

  test("of a key's name not beyond its end", () => {
    const stepsFor = (length: number) =>
      sum(countSteps(() => isSecretKey("confirmMax".repeat(length / 10))).steps);
    expect(stepsFor(4_000)).toBe(stepsFor(2_000));
  });
});

test("the engine that counts finds what the native one does", () => {
  for (const [text] of SECRET_TEXTS) expect(countSteps(() => maskText(text)).result).toBe(maskText(text));
});

test("the engine that counts tells a pattern that backtracks", () => {
  const growth = (pattern: RegExp, length: number) => {
    const [once = 0, twice = 0] = [length, 2 * length].map((one) =>
      sum(countSteps(() => pattern.test("a".repeat(one))).steps),
    );
    return twice / once;
  };
  expect(growth(/a*b/, 200)).toBeGreaterThan(MOST);
  expect(growth(/(?:a|aa)*b/, 10)).toBeGreaterThan(100);
  expect(growth(/a*/, 200)).toBeLessThan(MOST);
});
