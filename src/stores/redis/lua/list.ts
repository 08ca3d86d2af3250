import { list, number, text } from "./arguments.ts";
import { FILING } from "./changing.ts";
import { script } from "./script.ts";

/** Tasks looked at in one go: whoever asks for a rare status among many tasks comes again. */
const AT_MOST = 1_000;

const PLACE = `
-- By bytes, as Redis orders what has the same score; Lua's own order is that of the server's language.
local function is_before(one, other)
  for i = 1, math.min(#one, #other) do
    local difference = one:byte(i) - other:byte(i)
    if difference ~= 0 then return difference < 0 end
  end
  return #one < #other
end

-- How many come before a place, newest first. The task it names may be gone.
local function rank_after(index, created_at, id)
  local low = redis.call('ZCOUNT', index, '(' .. created_at, '+inf')
  local high = low + redis.call('ZCOUNT', index, created_at, created_at)
  while low < high do
    local middle = math.floor((low + high) / 2)
    local other = redis.call('ZREVRANGE', index, middle, middle)[1]
    if is_before(other, id) then high = middle else low = middle + 1 end
  end
  return low
end
`;

export const LIST = script({
  does: "Reads a page of tasks, newest first.",
  takes: [
    text("user", "whose tasks they are"),
    text("kind", "that of the key which lists them"),
    text("of", "the user or the session that the key belongs to"),
    text("session", "the only one that is wanted, as a field of its tasks; '' is any"),
    number("limit", "how many at most"),
    list("statuses", "those that are wanted, as JSON; none is any"),
    list("after", "the creation and the id of the place to go on from, if not from the newest"),
  ],
  returns: "names and records in turn, and 'end', 'more', or 'on' with the place up to which was looked",
  uses: [...FILING, PLACE],
  body: `
local index, wanted = key(kind, of), {}
for _, status in ipairs(statuses) do wanted[status] = true end

local function is_wanted(name)
  if #statuses == 0 and session == '' then return true end
  local fields = redis.pcall('HMGET', key('task', name), 'status', 'session')
  -- Whether that is a task at all is seen when it is read.
  if fields.err or not fields[1] or not fields[2] then return true end
  return (#statuses == 0 or wanted[fields[1]]) and (session == '' or session == fields[2])
end

local from = after[1] and rank_after(index, after[1], after[2]) or 0
local found, looked, broken = {}, 0, {}

local function answer(...)
  -- Not before, since places count what is there.
  for _, id in ipairs(broken) do
    find(user .. '/' .. id)
    redis.call('ZREM', index, id)
  end
  return { found, ... }
end

while looked < ${AT_MOST} do
  local page = redis.call('ZREVRANGE', index, from + looked, from + looked + math.min(limit, 99))
  if #page == 0 then return answer('end') end
  for _, id in ipairs(page) do
    local name = user .. '/' .. id
    if is_wanted(name) then
      local task = load(name)
      if not task then
        broken[#broken + 1] = id
      elseif #found == 2 * limit then
        return answer('more')
      else
        add_record(found, task)
      end
    end
  end
  looked = looked + #page
end
local last = redis.call('ZREVRANGE', index, from + looked - 1, from + looked - 1, 'WITHSCORES')
return answer('on', last[2], last[1])
`,
});
