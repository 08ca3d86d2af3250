import { createHash } from "node:crypto";

/** A script as Redis runs it, and the digest by which Redis knows it. */
export interface Script {
  lua: string;
  sha: string;
}

/** Puts a script together: what it needs comes in front of it. */
export function script(...parts: string[]): Script {
  const lua = parts.map((part) => part.trim()).join("\n\n");
  return { lua, sha: createHash("sha1").update(lua).digest("hex") };
}
