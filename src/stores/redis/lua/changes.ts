import { LATELY_MS } from "../../../core/model/changes.ts";
import { list, number } from "./arguments.ts";
import { FILING } from "./changing.ts";
import { script } from "./script.ts";

export const CHANGES = script({
  does: "Finds which tasks of users are new, or further than they are known.",
  takes: [
    number("limit", "how many other tasks of a user at most"),
    list(
      "queries",
      "of each the user, whether others are wanted, since when, and how many are known: id, version and lastSeq of each",
    ),
  ],
  returns:
    "for each query the changed tasks, of each its id, session, version, lastSeq, status, status of the follow-up and end; ids that are gone; '1': there are more; the next moment",
  uses: FILING,
  body: `
local FIELDS = { 'session', 'version', 'lastSeq', 'status', 'followUpStatus', 'endedAt', 'completedAt' }

-- Nothing: there is no such task, or it cannot be read.
local function state_of(user, id)
  local fields = redis.pcall('HMGET', key('task', user .. '/' .. id), unpack(FIELDS))
  if fields.err then return nil end
  local task = named(user .. '/' .. id)
  for i, field in ipairs(FIELDS) do task[field] = fields[i] or nil end
  local is_whole = task.session and tonumber(task.version) and tonumber(task.lastSeq)
    and (UNFINISHED[task.status] or FINISHED[task.status]) and FOLLOW_UPS[task.followUpStatus]
  return is_whole and task or nil
end

local function is_newer(task, version, seq)
  local at = tonumber(task.version)
  return at > version or at == version and tonumber(task.lastSeq) > seq
end

local function add(found, task)
  local ended = FINISHED[task.status] and ended_at(task) or ''
  for _, detail in ipairs({
    task.id, task.session, task.version, task.lastSeq, task.status, task.followUpStatus, ended
  }) do found[#found + 1] = detail end
end

-- Ids of all that may still change, and of what has ended since.
local function lists_of(user, since)
  local lists = {
    redis.call('ZRANGE', key('unfinished', user), 0, -1),
    redis.call('ZRANGE', key('pending', user), 0, -1),
    redis.call('ZRANGEBYSCORE', key('done', user), since, '+inf'),
  }
  for _, session in ipairs(redis.call('ZRANGE', key('claims'), 0, -1)) do
    if session:sub(1, #user + 1) == user .. '/' then
      lists[#lists + 1] = redis.call('LRANGE', key('claimed', session), 0, -1)
    end
  end
  return lists
end

-- Whether there are more.
local function add_others(found, user, since, known)
  local left = limit
  for _, ids in ipairs(lists_of(user, since)) do
    for _, id in ipairs(ids) do
      local task = not known[id] and state_of(user, id)
      if task then
        if left == 0 then return true end
        left, known[id] = left - 1, true
        add(found, task)
      end
    end
  end
  return false
end

local at, next_since, answers = 0, to_text(now - ${LATELY_MS}), {}
local function take()
  at = at + 1
  return queries[at]
end

while at < #queries do
  local user, wants_others, since, count = take(), take() ~= '', take(), tonumber(take())
  local found, gone, known = {}, {}, {}
  for _ = 1, count do
    local id, version, seq = take(), tonumber(take()), tonumber(take())
    known[id] = true
    local task = state_of(user, id)
    if not task then
      gone[#gone + 1] = id
    elseif is_newer(task, version, seq) then
      add(found, task)
    end
  end
  local more = wants_others and add_others(found, user, since == '' and next_since or since, known)
  answers[#answers + 1] = { found, gone, more and '1' or '', next_since }
end
return answers
`,
});
