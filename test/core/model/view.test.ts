import { describe, expect, test } from "vitest";
import { textsOf, viewBy, viewText } from "../../../src/core/model/view.ts";

const image = (bytes: number) => Buffer.alloc(bytes, 7).toString("base64");

const media = (bytes: number, mediaType = "image/png") =>
  ({ type: "media", mediaType, data: image(bytes) }) as const;

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
