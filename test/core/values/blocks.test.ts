import { describe, expect, test } from "vitest";
import { mcpFailure } from "../../../src/core/values/blocks.ts";

describe("a result of an MCP server", () => {
  const content = [
    { type: "text", text: "The disk" },
    { type: "text", text: "is full." },
  ];

  test("that is an error says why", () => {
    expect(mcpFailure({ content, isError: true })).toBe("The disk\nis full.");
    expect(mcpFailure(Object.assign([...content], { isError: true }))).toBe("The disk\nis full.");
    expect(mcpFailure({ content: [], isError: true })).toBe("The tool does not say why.");
  });

  test("that is none is a success", () => {
    const hostile = new Proxy(
      {},
      {
        get: () => {
          throw new Error("no");
        },
      },
    );
    for (const value of [
      { content },
      { content, isError: false },
      { isError: true },
      content,
      null,
      "x",
      hostile,
    ]) {
      expect(mcpFailure(value)).toBeUndefined();
    }
  });
});
