import { useEffect, useRef } from "preact/hooks";
import { KEPT, type WatchedTask } from "../watched.ts";
import { ScrolledText } from "./scrolled-text.tsx";

/** The end of what the tool writes, as it grows. It stays at the end as long as its reader does. */
export function Output({ watched }: { watched: WatchedTask }) {
  const box = useRef<HTMLPreElement>(null);
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    element.replaceChildren();
    return watched.onOutput((text) => append(element, text));
  }, [watched]);
  return (
    <section>
      <h3 id="output">Output</h3>
      {watched.isCut.value && <p class="hint">Its beginning is not kept.</p>}
      <ScrolledText labelledBy="output" box={box} />
    </section>
  );
}

/** Piece by piece, as a browser is slow to lay out all of it anew. */
function append(box: HTMLElement, text: string): void {
  if (text === "") return;
  const isAtEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 24;
  for (let at = 0; at < text.length; at += PIECE) box.append(text.slice(at, at + PIECE));
  let length = box.textContent?.length ?? 0;
  while (length > SHOWN && box.firstChild) {
    length -= box.firstChild.textContent?.length ?? 0;
    box.firstChild.remove();
  }
  if (isAtEnd) box.scrollTop = box.scrollHeight;
}

const PIECE = 8_192;
/** More than anybody reads, and no more than a browser lays out ten times a second. */
const SHOWN = KEPT / 4;
