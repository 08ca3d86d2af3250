import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { maskText, redactProperty } from "../../../src/core/values/redact.ts";
import { isSecretKey } from "../../../src/core/values/secrets/keys.ts";
import { MASK } from "../../../src/core/values/secrets/mask.ts";

describe("isSecretKey", () => {
  test.each([
    "password",
    "PASSWORD",
    "dbPassword",
    "passwd",
    "passphrase",
    "pwd",
    "token",
    "accessToken",
    "refresh_token",
    "session-token",
    "secret",
    "client.secret",
    "clientSecret",
    "apiKey",
    "api_key",
    "api-key",
    "API Key",
    "x-api-key",
    "authorization",
    "Proxy-Authorization",
    "cookie",
    "Set-Cookie",
    "credential",
    "credentials",
    "private_key",
    "privateKey",
    "AWS_SECRET_ACCESS_KEY",
    "accessKey",
    "bearer",
    "jwt",
    "tokens",
  ])("%s is one", (key) => {
    expect(isSecretKey(key, "value")).toBe(true);
  });

  test.each(["query", "user", "key", "author", "path", "monkey", "passage", "", "keyboard"])(
    "%s is none",
    (key) => {
      expect(isSecretKey(key, "value")).toBe(false);
    },
  );

  test.each(["tokens", "usage.tokens", "pass"])("%s is none with a number", (key) => {
    expect(isSecretKey(key, 500)).toBe(false);
    expect(isSecretKey(key, "500")).toBe(true);
  });

  test("yes and no are none", () => {
    expect(isSecretKey("password", true)).toBe(false);
    expect(isSecretKey("cookies", false)).toBe(false);
  });

  test.each(["token", "password", "secretTokens", "accessToken"])("%s is one with a number too", (key) => {
    expect(isSecretKey(key, 500)).toBe(true);
  });
});

describe("redactProperty", () => {
  test("masks secrets, whatever the host answers", () => {
    expect(redactProperty("password", "hunter2")).toBe(MASK);
    expect(redactProperty("password", "hunter2", () => "seen")).toBe(MASK);
    expect(redactProperty("user", "bob")).toBe("bob");
  });

  test("asks the host for everything else", () => {
    expect(redactProperty("email", "a@b", (key) => (key === "email" ? "hidden" : key))).toBe("hidden");
  });

  test("masks what the host's redaction throws on", () => {
    const redact = () => {
      throw new Error("no");
    };
    expect(redactProperty("user", "bob", redact)).toBe(MASK);
  });
});

describe("maskText", () => {
  test.each([
    ["password=hunter2", "password=***"],
    ["login(password=hunter2)", "login(password=***)"],
    ["password: hunter2, then", "password: ***, then"],
    ['password: "x y" z', "password: *** z"],
    ["password: 'it\\'s' z", "password: *** z"],
    ['password: "open', "password: ***"],
    ['{"api_key":"abc","q":"cats"}', '{"api_key":***,"q":"cats"}'],
    ['{"api_key": null, "q": 1}', '{"api_key": ***, "q": 1}'],
    ['{"body":"{\\"password\\":\\"hunter2\\",\\"q\\":1}"}', '{"body":"{\\"password\\":***,\\"q\\":1}"}'],
    ['"tokens":["abc","def"]', '"tokens":***'],
    ["{ 'client_secret' => 'abc' }", "{ 'client_secret' => *** }"],
    ["secret := abc", "secret := ***"],
    ["API key: abc", "API key: ***"],
    ["AWS_SECRET_ACCESS_KEY=abc/def+g", "AWS_SECRET_ACCESS_KEY=***"],
    ["Server=db;Password=abc;Database=x", "Server=db;Password=***;Database=x"],
    ["run --token abc --verbose", "run --token *** --verbose"],
    ["run --token=abc -v", "run --token=*** -v"],
    ["run --password 'a b' -v", "run --password *** -v"],
    ["curl --cookie a=b --verbose", "curl --cookie *** --verbose"],
    ["run --use-token --verbose", "run --use-token --verbose"],
    ["Authorization: Bearer abc", "Authorization: ***"],
    ["Authorization: Basic abc==\nHost: x", "Authorization: ***\nHost: x"],
    ['{"authorization":"Bearer abc","q":1}', '{"authorization":***,"q":1}'],
    ['Error: Authorization: Digest a="b", c="d"', "Error: Authorization: ***"],
    ["sent Bearer abc.def-ghi to", "sent Bearer *** to"],
    ["bearer abc, then", "bearer ***, then"],
    ["token: Bearer abc z", "token: *** z"],
    ["Cookie: a=b; c=d", "Cookie: ***"],
    ["Set-Cookie: a=b; Path=/\r\nHost: x", "Set-Cookie: ***\r\nHost: x"],
    ["https://user:pass@host/path", "https://***@host/path"],
    ["postgres://user:p@ss@host/db", "postgres://***@host/db"],
    ["https://ghp_abc@github.com", "https://***@github.com"],
    ["https://host/?access_token=abc&page=2", "https://host/?access_token=***&page=2"],
    ["password=access token=abc", "password=*** token=***"],
  ])("%s", (text, masked) => {
    expect(maskText(text)).toBe(masked);
  });

  test.each([
    "plain text, nothing to hide",
    "max_tokens=500, tokens: 12",
    "https://host:8080/users/bob@example.com",
    "mail bob@example.com",
    "Unexpected token '<' in JSON",
    "a well-known token is needed",
    "key: value; path=/tmp",
    "password=",
    "token: ",
  ])("%s stays", (text) => {
    expect(maskText(text)).toBe(text);
  });

  test("hides a secret in every form, wherever it stands", () => {
    const word = fc.constantFrom(
      "password",
      "api_key",
      "X-Api-Key",
      "client-secret",
      "refreshToken",
      "DB_PASSWD",
    );
    const form = fc.constantFrom(
      "K=S",
      "K: S",
      '"K":"S"',
      "'K': 'S'",
      '\\"K\\":\\"S\\"',
      "--K S",
      "?K=S&a=b",
      "K => S",
    );
    const around = fc.constantFrom(
      "",
      " ",
      "\n",
      "failed: ",
      "{",
      ", ",
      "a=b ",
      "url=https://h/?",
      "\ud83d\ude00 ",
    );
    fc.assert(
      fc.property(word, form, around, around, (key, shape, before, after) => {
        const text = before + shape.replace("S", "hunter2hunter2").replace("K", key) + after;
        expect(maskText(text)).not.toContain("hunter2");
      }),
    );
  });

  test("survives ten megabytes", () => {
    for (const unit of ["a", '\\"', '"x\\"'] as const)
      expect(() => maskText(`password="${unit.repeat(3_000_000)}`)).not.toThrow();
  });
});
