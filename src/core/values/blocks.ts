/** Content in blocks, by the custom of MCP and of all frameworks. */

/** The texts of the blocks that a value is or holds; `undefined`: it has no blocks. Never throws. */
export function blockTexts(value: unknown, isMeant: (holder: Holder) => boolean = () => true) {
  try {
    if (typeof value !== "object" || value === null || !isMeant(value)) return undefined;
    const content = Array.isArray(value) ? value : (value as Holder).content;
    return Array.isArray(content) ? content.flatMap(textOf) : undefined;
  } catch {
    // Some objects throw when they are read.
    return undefined;
  }
}

/** What an MCP server says of a tool that has failed: such a result is no success. `undefined`: it is none. */
export function mcpFailure(value: unknown): string | undefined {
  const texts = blockTexts(value, ({ isError }) => isError === true);
  return texts && (texts.join("\n") || NO_REASON);
}

export const NO_REASON = "The tool does not say why.";

interface Holder {
  content?: unknown;
  isError?: unknown;
}

function textOf({ type, text }: { type?: unknown; text?: unknown }): string[] {
  return type === "text" && typeof text === "string" ? [text] : [];
}
