/** How a view is made: what a tool says that it shows, as this library goes by it. */

import { oneLine } from "../values/text.ts";
import { type MediaPart, type ResultView, type ToolView, textsOf, type ViewPart } from "./view.ts";

/** The view that a tool has of a value. Where it has failed, the texts of the value alone. Never rejects. */
export async function viewBy(view: ToolView, value: unknown): Promise<ResultView | undefined> {
  try {
    const parts = await view(value);
    return parts === undefined ? undefined : ownView(parts);
  } catch {
    return textsOf(value);
  }
}

/** A copy, without anything else that somebody has put on it. @throws for what is no view */
export function ownView(view: ResultView): ResultView {
  if (Array.isArray(view)) return Array.from(view, ownPart);
  throw new TypeError("A view is a list of parts.");
}

/** What a data URL holds; `undefined`: it is no such URL, or has no base64. */
export function readDataUrl(url: string): { mediaType: string; data: string } | undefined {
  const comma = url.indexOf(",");
  if (comma === -1 || !/^data:/i.test(url)) return undefined;
  const [mediaType = "", ...terms] = url.slice("data:".length, comma).split(";");
  return terms.at(-1)?.toLowerCase() === "base64" ? { mediaType, data: url.slice(comma + 1) } : undefined;
}

const MAX_MEDIA_TYPE = 64;
/** Each character can be taken in one way only, so that its time does not grow out of proportion. */
const BASE64 = /^[\w+/-]+={0,2}$/;
/** Where providers look. Any other address, as of a file, would end the conversation that holds it. */
const ADDRESS = /^(?:https?|gs):\/\/[!-~]+$/i;

function ownPart(part: ViewPart): ViewPart {
  if (part.type !== "text") return ownMedia(part);
  if (typeof part.text === "string") return { type: "text", text: part.text.toWellFormed() };
  throw new TypeError("The text of a part is a text.");
}

/** Where its data or its address is none, it is only told of. @throws for media without a type */
function ownMedia({ mediaType, data, url, bytes }: MediaPart): MediaPart {
  const own: MediaPart = { type: "media", mediaType: oneLine(mediaType, MAX_MEDIA_TYPE) };
  if (own.mediaType === "") throw new TypeError("Media have a type.");
  const base64 = base64In(data ?? (typeof url === "string" ? readDataUrl(url)?.data : undefined));
  if (base64 !== undefined) return { ...own, data: base64 };
  if (typeof url === "string" && ADDRESS.test(url) && URL.canParse(url)) return { ...own, url };
  return typeof bytes === "number" && bytes >= 0 && Number.isFinite(bytes) ? { ...own, bytes } : own;
}

/** Some break its lines. */
function base64In(data: unknown): string | undefined {
  if (typeof data !== "string") return undefined;
  const whole = data.replace(/\s+/g, "");
  return BASE64.test(whole) ? whole : undefined;
}
