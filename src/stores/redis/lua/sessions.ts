/**
 * Sessions with follow-ups that are due are in groups, one for each mode and number of turns, by the oldest of
 * these: who looks for some never meets the others, however many they are. A session's name is that of its
 * user, a slash, and '+' with its id, or '-' for the tasks without one.
 */
export const SESSIONS = `
local MODES = { 'when_idle', 'interrupt', 'silent' }

local function turns_of(session) return redis.call('HGET', key('turns'), session) or '0' end

local function is_claimed(session) return redis.call('EXISTS', key('claim', session)) == 1 end

local function leave_group(session, group)
  if redis.call('ZREM', key('sessions', group), session) == 0 then return end
  if redis.call('EXISTS', key('sessions', group)) == 0 then redis.call('SREM', key('groups'), group) end
end

-- Puts a session where it belongs among those with follow-ups of a mode: a claimed one nowhere.
local function regroup(session, mode)
  local group = mode .. ':' .. turns_of(session)
  local oldest = redis.call('ZRANGE', key('due', mode .. ':' .. session), 0, 0, 'WITHSCORES')
  if #oldest == 0 or is_claimed(session) then return leave_group(session, group) end
  redis.call('ZADD', key('sessions', group), oldest[2], session)
  redis.call('SADD', key('groups'), group)
end

local function regroup_in_all_modes(session)
  for _, mode in ipairs(MODES) do regroup(session, mode) end
end

local function reset_turns(session)
  for _, mode in ipairs(MODES) do leave_group(session, mode .. ':' .. turns_of(session)) end
  redis.call('HDEL', key('turns'), session)
  redis.call('ZREM', key('counted'), session)
  regroup_in_all_modes(session)
end
`;
