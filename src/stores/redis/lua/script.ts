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

/** What comes of a script beside its answer. */
const OUTCOME = `
-- Hints of what was written, and damaged records: of each its name, where it stands now, and why.
local told, damages = {}, {}
-- Where the one that was asked for stands, and why it is damaged, a line each; '': it is not.
local refused = ''
`;

/** Hints come after all writes, and cannot fail them: whoever gets none looks now and then. */
function main(body: string): string {
  return `
local function main()
${body.trim()}
end

local answer = main() or false
for _, hint in ipairs(told) do redis.pcall('PUBLISH', channel, writer .. ' ' .. hint) end
return { answer, damages, refused }`;
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
-- Returns what it answers, what was found to be damaged, and why nothing is answered; or an error if another version is there.
-- It answers ${returns}.`;
  const sections = [head, READ_ARGUMENTS, KEYS, CHECK_VERSION, locals(takes), OUTCOME, ...uses, main(body)];
  const lua = sections.map((section) => section.trim()).join("\n\n");
  return { lua, sha: createHash("sha1").update(lua).digest("hex") };
}
