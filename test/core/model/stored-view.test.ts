import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readResult } from "../../../src/core/model/result.ts";
import { storeWithView } from "../../../src/core/model/stored-view.ts";
import type { ResultView } from "../../../src/core/model/view.ts";

const media = (bytes: number) =>
  ({ type: "media", mediaType: "image/png", data: Buffer.alloc(bytes, 7).toString("base64") }) as const;

function kept(value: unknown, view: ResultView, maxBytes: number) {
  const stored = storeWithView(value, view, maxBytes);
  return { ...readResult(stored), view: JSON.parse(stored.view ?? "[]") as ResultView, stored };
}

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

  test("says so where there is no room at all for some of its parts", () => {
    const text = (text: string) => ({ type: "text", text }) as const;
    const view = [
      text("a".repeat(900)),
      ...Array.from({ length: 9 }, () => text("b".repeat(200))),
      media(90),
    ];
    const parts = kept("v", view, 700).view;
    expect(parts.length).toBeLessThan(view.length);
    expect(parts.at(-1)).toEqual(text("[There was no room to keep the rest.]"));
  });

  test("looks at no more parts than there is room for", () => {
    let looks = 0;
    const part = (): ResultView[number] => ({
      type: "text",
      get text() {
        looks += 1;
        return "hello";
      },
    });
    kept("v", Array.from({ length: 5_000 }, part), 1_000);
    expect(looks).toBeLessThan(500);
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
