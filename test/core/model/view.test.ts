import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readResult } from "../../../src/core/model/result.ts";
import {
  mcpFailure,
  type ResultView,
  storeWithView,
  textsOf,
  viewBy,
  viewText,
} from "../../../src/core/model/view.ts";

const image = (bytes: number) => Buffer.alloc(bytes, 7).toString("base64");

const media = (bytes: number, mediaType = "image/png") =>
  ({ type: "media", mediaType, data: image(bytes) }) as const;

function kept(value: unknown, view: ResultView, maxBytes: number) {
  const stored = storeWithView(value, view, maxBytes);
  return { ...readResult(stored), view: JSON.parse(stored.view ?? "[]") as ResultView, stored };
}

describe("a view as text", () => {
  test("names media by its type and its size", () => {
    const sizes = [media(10), media(12_000), media(1_500_000, "application/pdf")].map((part) =>
      viewText([part]),
    );
    expect(sizes).toEqual(["[image/png, 1 kB]", "[image/png, 12 kB]", "[application/pdf, 1.5 MB]"]);
  });

  test("never tells an address, which may be signed", () => {
    const part = { type: "media", mediaType: "image/*", url: "https://x.test/a.png?token=s3cret" } as const;
    expect(viewText([{ type: "text", text: "A map" }, part])).toBe("A map\n[image/*]");
  });
});

describe("a view that is kept", () => {
  test("is whole beside its result while both together have room", () => {
    const view = [{ type: "text", text: "A map" }, media(300)] as const;
    expect(kept({ token: "t" }, view, 1_000)).toMatchObject({ value: { token: "t" }, truncated: null, view });
  });

  test("loses media for which there is no room, and says how large it was", () => {
    const view = [media(3_000), { type: "text", text: "A map" }, media(90)] as const;
    expect(kept("value", view, 1_000).view).toEqual([
      { type: "media", mediaType: "image/png", bytes: 3_000 },
      view[1],
      view[2],
    ]);
  });

  test("keeps the head and the tail of a text that is too long", () => {
    const [part] = kept("v", [{ type: "text", text: `HEAD${"x".repeat(5_000)}TAIL` }], 600).view;
    expect(part).toMatchObject({
      text: expect.stringMatching(/^HEADx+\n\[\d+ characters were not kept here\.\]\nx+TAIL$/),
    });
  });

  test("gets half of the bytes where a result needs them too", () => {
    const { view, truncated } = kept("r".repeat(5_000), [{ type: "text", text: "t".repeat(400) }], 1_000);
    expect(view).toEqual([{ type: "text", text: "t".repeat(400) }]);
    expect(truncated).toEqual({ bytes: 5_000 });
  });

  test("never takes more together with its result than may be kept", () => {
    const part = fc.oneof(
      fc.record({ type: fc.constant("text" as const), text: fc.string({ unit: "binary", maxLength: 900 }) }),
      fc.nat({ max: 900 }).map((bytes) => media(bytes)),
    );
    fc.assert(
      fc.property(
        fc.array(part, { maxLength: 5 }),
        fc.string({ maxLength: 900 }),
        fc.integer({ min: 10, max: 900 }),
        (view, value, max) => {
          const { stored } = kept(value, view, max);
          const texts = stored.kind === "whole" ? [stored.json] : [stored.head, stored.tail];
          const bytes = [...texts, stored.view ?? ""].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
          expect(bytes).toBeLessThanOrEqual(max);
        },
      ),
    );
  });
});

describe("a view that fails", () => {
  const broken = [
    [
      "throws",
      () => {
        throw new Error("no");
      },
    ],
    ["rejects", () => Promise.reject(new Error("no"))],
    ["answers nonsense", () => 5 as never],
    ["answers parts that are none", () => [{ type: "text" }] as never],
    ["answers data that is no base64", () => [{ ...media(3), data: "\ud800" }]],
    ["answers an address that is none", () => [{ ...media(3), data: undefined, url: "a b" }]],
    ["answers media without a type", () => [{ type: "media", data: "AA==" }] as never],
  ] as const;

  test.each(broken)("because it %s leaves the texts of the result", async (_, view) => {
    const content = [
      { type: "text", text: "12 pages" },
      { type: "image", data: image(3), mimeType: "image/png" },
    ];
    for (const value of [content, { content, token: "s3cret" }]) {
      expect(await viewBy(view, value)).toEqual([{ type: "text", text: "12 pages" }]);
    }
  });

  test("says so where the result has no texts", async () => {
    const hostile = new Proxy(
      {},
      {
        get: () => {
          throw new Error("no");
        },
      },
    );
    for (const value of ["s3cret", { token: "s3cret" }, null, [1], hostile]) {
      expect(viewText(textsOf(value))).toMatch(/cannot be shown/);
    }
  });
});

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
