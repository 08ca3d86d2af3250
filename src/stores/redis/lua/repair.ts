import { number, text } from "./arguments.ts";
import { FILING } from "./changing.ts";
import type { Kind } from "./keys.ts";
import { script } from "./script.ts";

/** What the keys of each kind hold that belong to no task. */
const TYPES = {
  leases: "zset",
  of_user: "zset",
  of_session: "zset",
  unfinished: "zset",
  pending: "zset",
  claimed: "list",
  done: "zset",
  users: "zset",
  counts: "hash",
  duplicates: "hash",
  keyed: "hash",
  due: "zset",
  deferred: "zset",
  released: "zset",
  delayed: "zset",
  sessions: "zset",
  groups: "set",
  turns: "hash",
  counted: "zset",
  claim: "hash",
  claims: "zset",
  waits: "hash",
  number: "string",
  settled: "list",
  damaged: "hash",
} as const satisfies Partial<Record<Kind, string>>;

const types = Object.entries(TYPES).map(([kind, type]) => `[KINDS.${kind}] = '${type}'`);

export const REPAIR = script({
  does: "Looks through some keys for those of an index that hold another kind of value, and sets these aside.",
  takes: [
    text("cursor", "where the last look ended; '0' is the beginning"),
    number("at_most", "keys that are looked at, about"),
  ],
  returns: "the cursor for the next look",
  uses: FILING,
  body: String.raw`
local TYPES = { ${types.join(", ")} }

local function repair(name)
  local kind = name:match('^[^:]*')
  local type = redis.call('TYPE', shard .. ':' .. name).ok
  if not TYPES[kind] or type == 'none' or type == TYPES[kind] then return end
  local place = key('aside', name)
  redis.call('RENAME', shard .. ':' .. name, place)
  for _, detail in ipairs({ '', place, 'it is a ' .. type .. ', and should be a ' .. TYPES[kind] }) do
    damages[#damages + 1] = detail
  end
end

local found = redis.call('SCAN', cursor, 'MATCH', shard:gsub('[%*%?%[%]\\]', '\\%0') .. ':*', 'COUNT', at_most)
for _, name in ipairs(found[2]) do repair(name:sub(#shard + 2)) end
return found[1]
`,
});
