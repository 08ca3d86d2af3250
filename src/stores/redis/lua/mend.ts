import { number, text } from "./arguments.ts";
import { REFILING } from "./changing.ts";
import { CLAIMS } from "./claims.ts";
import { script } from "./script.ts";

export const MEND = script({
  does: "Looks through some keys for tasks that an index has lost, since Redis has evicted it, and files them anew.",
  takes: [
    text("cursor", "where the last look ended; '0' is the beginning"),
    number("at_most", "keys that are looked at, about"),
  ],
  returns: "the cursor for the next look, and how many tasks were filed anew",
  uses: [...REFILING, ...CLAIMS],
  body: String.raw`
local function is_in(kind, of, member) return redis.call('ZSCORE', key(kind, of), member) end

local function is_by_end(task, index) return is_in(index, task.user, task.id) and is_in(index, nil, task.name) end

local function is_listed(task)
  if not is_in('of_user', task.user, task.id) then return false end
  return task.session == '-' or is_in('of_session', session_of(task), task.id)
end

local function is_grouped(task)
  local session = session_of(task)
  if is_claimed(session) then
    see_to_its_end(session)
    return true
  end
  local group = mode_of(task) .. ':' .. turns_of(session)
  return is_in('sessions', group, session) and redis.call('SISMEMBER', key('groups'), group) == 1
end

local is_filed = {
  unfinished = function(task)
    return is_in('leases', nil, task.name) and is_in('unfinished', task.user, task.id)
      and redis.call('HGET', key('counts', task.user), task.status)
  end,
  pending = function(task)
    if not is_by_end(task, 'pending') then return false end
    if is_in('delayed', nil, task.name) then return true end
    return redis.call('ZSCORE', follow_ups('due', task), task.id) and is_grouped(task)
  end,
  claimed = function(task)
    local session = session_of(task)
    return claim_of(session).token == task.claim and is_in('claims', nil, session)
  end,
  done = function(task) return is_by_end(task, 'done') end,
}

local file = {
  unfinished = function(task)
    add_to.unfinished(task)
    recount(task.user)
  end,
  pending = add_to.pending,
  done = add_to.done,
  claimed = function(task)
    local session = session_of(task)
    if claim_of(session).token == task.claim then
      see_to_its_end(session)
    else
      refile(task, { 'claim', '' }, {})
    end
  end,
}

local function is_keyed(task)
  return task.idempotency == '-' or redis.call('HEXISTS', key('keyed', task.user), task.idempotency) == 1
end

-- Whether there was something to mend.
local function mend(name)
  local task = load_or_set_aside(name)
  if not task then return false end
  local is_lost = not (is_listed(task) and is_keyed(task))
  if is_lost then
    redis.call('ZADD', key('of_user', task.user), task.createdAt, task.id)
    if task.session ~= '-' then redis.call('ZADD', key('of_session', session_of(task)), task.createdAt, task.id) end
    if not is_keyed(task) then add_key(task) end
  end
  local index = index_of(task)
  if is_filed[index](task) then return is_lost end
  file[index](task)
  return true
end

local tasks, mended = key('task', ''), 0
local found = redis.call('SCAN', cursor, 'MATCH', tasks:gsub('[%*%?%[%]\\]', '\\%0') .. '*', 'COUNT', at_most)
for _, name in ipairs(found[2]) do
  if mend(name:sub(#tasks + 1)) then mended = mended + 1 end
end
return { found[1], to_text(mended) }
`,
});
