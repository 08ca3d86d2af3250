/**
 * The text as one line of at most `maxCodePoints` code points, a final "…" counted in when it was cut.
 *
 * Control characters and runs of whitespace become one space, invisible characters go, and lone surrogates
 * become U+FFFD. A huge text costs no more than a small one.
 */
export function oneLine(text: string, maxCodePoints: number): string {
  if (text.length <= maxCodePoints && PLAIN.test(text)) return ownText(text);
  const whole = text.trim();
  // Room for whitespace that collapses and characters that go, without cleaning megabytes for one line.
  const start = sliceWhole(whole, 0, maxCodePoints * 8);
  const points = [...clean(start)];
  if (start.length === whole.length && points.length <= maxCodePoints) return points.join("");
  if (maxCodePoints < 1) return "";
  const kept = points.slice(0, maxCodePoints - 1).join("");
  return `${kept.trimEnd()}…`;
}

/**
 * `text.slice(start, end)` that never parts a surrogate pair: an edge inside a pair moves one on, so that
 * neighbouring slices still join up to the text.
 */
export function sliceWhole(text: string, start: number, end: number): string {
  return text.slice(afterPair(text, start), afterPair(text, end));
}

/**
 * The text in memory of its own, for what is kept: a slice keeps all of the text that it was cut from. Lone surrogates
 * become U+FFFD.
 */
export function ownText(text: string): string {
  return decoder.decode(encoder.encode(text));
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** As most texts are: nothing in them has to be cleaned. */
const PLAIN = /^(?:[!-~]+ )*[!-~]+$/;
/** Zero-width characters, bidi overrides and isolates, tags: they have no width and can disguise a text. */
const INVISIBLE = /\p{Cf}/gu;
const CONTROL_OR_SPACE = /[\p{Cc}\s]+/gu;

function clean(text: string): string {
  return text.toWellFormed().replace(INVISIBLE, "").replace(CONTROL_OR_SPACE, " ").trim();
}

function afterPair(text: string, index: number): number {
  const inside = index > 0 && (text.codePointAt(index - 1) ?? 0) > 0xffff;
  return inside ? index + 1 : index;
}
