import { createHash } from "node:crypto";
import { type Argument, headLines, locals, READ_ARGUMENTS } from "./arguments.ts";
import { KEYS } from "./keys.ts";
import { CHECK_VERSION } from "./version.ts";

/** A script as Redis runs it, and the digest by which Redis knows it. */
export interface Script {
  readonly lua: string;
  readonly sha: string;
}

/** What a script is made of. */
export interface ScriptSource {
  /** What it does, as a sentence. */
  does: string;
  /** Its arguments in order; in front of them stands the version. */
  takes: readonly Argument[];
  returns: string;
  /** What comes in front of the body, which can use all of it. */
  uses?: readonly string[];
  body: string;
}

/** Puts a script together. It opens with what it is, takes and returns; each argument is a local of that name. */
export function script({ does, takes, returns, uses = [], body }: ScriptSource): Script {
  const head = `
-- ${does}
--
-- KEYS[1]: the key of the shard, with its hash tag. All other keys begin with it.
-- Arguments, in order; of a list, first its length and then its items:
--   version: the version that must be there; '' if that is known
${headLines(takes)}
-- Returns ${returns}, or an error if another version is there.`;
  const sections = [head, READ_ARGUMENTS, KEYS, CHECK_VERSION, locals(takes), ...uses, body];
  const lua = sections.map((section) => section.trim()).join("\n\n");
  return { lua, sha: createHash("sha1").update(lua).digest("hex") };
}
