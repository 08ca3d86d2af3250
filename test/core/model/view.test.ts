import { describe, expect, test } from "vitest";
import { viewBy } from "../../../src/core/model/make-view.ts";
import { textsOf, viewText } from "../../../src/core/model/view.ts";

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

describe("media of a view", () => {
  const png = { type: "media", mediaType: "image/png" } as const;
  const own = async (part: object) => viewBy(() => [{ ...png, ...part }], "s3cret");

  test.each([
    ["data that are no base64", { data: "\ud800" }],
    ["data that end in the middle", { data: "AA=A" }],
    ["no data at all", { data: "" }],
    ["an address with spaces", { url: "a b" }],
    ["an address within their host's site", { url: "/static/a.png" }],
    ["an address on their host's disk", { url: "file:///etc/passwd" }],
    ["an address that is no text", { url: 5 }],
    ["a data URL without base64", { url: "data:image/svg+xml;utf8,<svg/>" }],
    ["a size that is no number", { bytes: Number.NaN }],
    ["a size that is none", { bytes: -1 }],
  ])("with %s are only named, and nothing else of the view is lost", async (_, part) => {
    expect(await own(part)).toEqual([png]);
  });

  test("have their data on one line, whatever they come in", async () => {
    const data = image(30);
    const kept = [{ ...png, data }];
    expect(await own({ data: `${data.slice(0, 20)}\r\n${data.slice(20)}\n` })).toEqual(kept);
    expect(await own({ url: `data:image/png;base64,${data}` })).toEqual(kept);
  });

  test.each(["https://x.test/a.png?b=1", "gs://bucket/a.png"])("may be at %s", async (url) => {
    expect(await own({ url })).toEqual([{ ...png, url }]);
  });
});

test("lone surrogates of a view become U+FFFD", async () => {
  expect(await viewBy(() => [{ type: "text", text: "a\ud800" }], 1)).toEqual([
    { type: "text", text: "a\ufffd" },
  ]);
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
    ["answers null", () => null as never],
    ["answers what only has a map", () => ({ map: () => 5 }) as never],
    ["answers a list with holes", () => Array(2) as never],
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
