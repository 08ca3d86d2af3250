import type { ComponentChildren, RefObject } from "preact";

/** Text of a tool. It scrolls by itself, and so must be reached by keyboard, under the name of its heading. */
export function ScrolledText(props: {
  labelledBy: string;
  box?: RefObject<HTMLPreElement | null>;
  children?: ComponentChildren;
}) {
  return (
    // biome-ignore lint/a11y: a <section> would not keep its lines
    <pre class="output" tabIndex={0} role="region" aria-labelledby={props.labelledBy} ref={props.box ?? null}>
      {props.children}
    </pre>
  );
}
