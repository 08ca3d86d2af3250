import { describe, expect, test } from "vitest";
import { carried, viewOfBlocks, viewOfModelOutput } from "../../../src/adapters/shared/views.ts";
import type { ViewPart } from "../../../src/core/model/view.ts";

const png = { type: "media", mediaType: "image/png", data: "iVBORw0KGgo=" } as const;
const { data, mediaType } = png;
const bytes = new Uint8Array(Buffer.from(data, "base64"));
const dataUrl = `data:image/png;base64,${data}`;
const url = "https://example.test/a.png?signature=x";
const reached = { type: "media", mediaType: "image/*", url } as const;
const named = (mediaType: string): ViewPart => ({ type: "media", mediaType });

/** Nothing of it gets lost. */
function asJson(block: unknown): [block: unknown, part: ViewPart] {
  return [block, { type: "text", text: JSON.stringify(block) }];
}

const BLOCKS: Record<string, [block: unknown, part: ViewPart][]> = {
  "the AI SDK": [
    [{ type: "media", data, mediaType }, png],
    [{ type: "image-data", data, mediaType }, png],
    [{ type: "file-data", data, mediaType, filename: "a.png" }, png],
    [{ type: "image-url", url }, reached],
    [
      { type: "file-url", url, mediaType },
      { type: "media", mediaType, url },
    ],
    [{ type: "file", mediaType, data: { type: "data", data } }, png],
    [{ type: "file", mediaType, data: { type: "data", data: bytes } }, png],
    [
      { type: "file", mediaType: "image", data: { type: "url", url: new URL(url) } },
      { type: "media", mediaType: "image", url },
    ],
    [
      { type: "file", mediaType: "text/plain", data: { type: "text", text: "in it" } },
      { type: "text", text: "in it" },
    ],
    [{ type: "image-file-id", fileId: "file-1" }, named("image/*")],
    [{ type: "file-reference", providerReference: { openai: "file-1" } }, named("application/octet-stream")],
    [
      { type: "custom", providerOptions: { secret: 1 } },
      { type: "text", text: "[custom]" },
    ],
    [{ type: "media", data, mediaType: "image/*" }, png],
    [
      { type: "media", data: "AAAA", mediaType: "image/*" },
      { type: "media", data: "AAAA", mediaType: "image/*" },
    ],
  ],
  "anybody who has blocks of another kind": [
    asJson({ type: "search_result", source: "https://x.test", content: [{ type: "text", text: "found" }] }),
    asJson({ type: "user", name: "Ada" }),
    asJson({ type: "file", name: "a.txt", size: 3 }),
    asJson({ type: "resource_link", uri: "https://x.test/a", name: "a", mimeType: "text/plain" }),
    asJson({ type: "document", source: { type: "content", content: [] } }),
    asJson(null),
    asJson([1]),
    ["text", { type: "text", text: "text" }],
    [
      { type: "document", source: { type: "text", media_type: "text/plain", data: "In it." } },
      { type: "text", text: "In it." },
    ],
    [{ type: "image", b64: data }, named("image/*")],
    [{ type: "image", mimeType: "image/png", data: new Uint8Array(0) }, named("image/png")],
  ],
  MCP: [
    [
      { type: "text", text: "said" },
      { type: "text", text: "said" },
    ],
    [{ type: "image", data, mimeType: mediaType }, png],
    [
      { type: "audio", data, mimeType: "audio/wav" },
      { type: "media", mediaType: "audio/wav", data },
    ],
    [{ type: "resource", resource: { uri: "file:///a", mimeType: mediaType, blob: data } }, png],
    [
      { type: "resource", resource: { uri: "file:///a", text: "in it" } },
      { type: "text", text: "in it" },
    ],
  ],
  LangChain: [
    [{ type: "image_url", image_url: { url: dataUrl } }, png],
    [{ type: "image_url", image_url: url }, reached],
    [{ type: "image", source_type: "base64", mime_type: mediaType, data }, png],
    [{ type: "image", mimeType: mediaType, data: bytes }, png],
    [{ type: "image", url }, reached],
    [{ type: "image", source: { type: "base64", media_type: mediaType, data } }, png],
    [
      { type: "input_audio", input_audio: { data, format: "wav" } },
      { type: "media", mediaType: "audio/*", data },
    ],
  ],
  "OpenAI Agents": [
    [{ type: "image", image: dataUrl }, png],
    [{ type: "image", image: { data, mediaType } }, png],
    [{ type: "image", image: { data: bytes, mediaType } }, png],
    [{ type: "image", image: { url } }, reached],
    [{ type: "image", imageUrl: url }, reached],
    [{ type: "image", image: { fileId: "file-1" } }, named("image/*")],
    [
      { type: "file", file: { data, mediaType: "application/pdf", filename: "a.pdf" } },
      { type: "media", mediaType: "application/pdf", data },
    ],
    [
      { type: "file", file: { url } },
      { type: "media", mediaType: "application/octet-stream", url },
    ],
    [{ type: "file", file: { id: "file-1" } }, named("application/octet-stream")],
  ],
};

describe.each(Object.entries(BLOCKS))("blocks of %s", (_, blocks) => {
  test.each(blocks)("%j", (block, part) => {
    expect(viewOfBlocks([block])).toEqual([part]);
  });
});

test("a user's message carries images of a known type, and such as others keep", () => {
  const media = [
    png,
    reached,
    { ...png, mediaType: "image/*" },
    { ...png, mediaType: "audio/wav" },
    { type: "media", mediaType: "application/pdf", url },
    { type: "media", mediaType: "image/png" },
  ] as const;
  expect(carried(media)).toEqual([png, reached]);
});

describe("what toModelOutput answers", () => {
  const text = (text: string) => [{ type: "text", text }];

  test.each([
    [{ type: "text", value: "said" }, text("said")],
    [{ type: "error-text", value: "It failed." }, text("It failed.")],
    [{ type: "json", value: { n: 1 } }, text('{"n":1}')],
    [{ type: "json", value: null }, text("null")],
    [{ type: "error-json", value: ["no"] }, text('["no"]')],
    [{ type: "execution-denied", reason: "No." }, text("No.")],
    [
      {
        type: "content",
        value: [
          { type: "text", text: "said" },
          { type: "image-data", data, mediaType },
        ],
      },
      [...text("said"), png],
    ],
    [undefined, undefined],
    [null, undefined],
  ])("%j", (output, view) => {
    expect(viewOfModelOutput(output)).toEqual(view);
  });

  test.each(["text", { type: "content", value: "no list" }, { type: "new" }])("%j is refused", (output) => {
    expect(() => viewOfModelOutput(output)).toThrow(TypeError);
  });
});
