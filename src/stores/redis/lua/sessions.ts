/**
 * Sessions with follow-ups that are due stand in lanes, one for each mode and number of turns, by the oldest
 * of these: who looks for some never meets the others, however many they are. A session's name is that of its
 * user, a slash, and '+' with its id, or '-' for the tasks without one.
 */
export const SESSIONS = `
local MODES = { 'when_idle', 'interrupt', 'silent' }

local function turns_of(session) return redis.call('HGET', key('turns'), session) or '0' end

local function is_claimed(session) return redis.call('EXISTS', key('claim', session)) == 1 end

local function leave_lane(session, lane)
  if redis.call('ZREM', key('lane', lane), session) == 0 then return end
  if redis.call('EXISTS', key('lane', lane)) == 0 then redis.call('SREM', key('lanes'), lane) end
end

-- Puts a session where it belongs among those with follow-ups of a mode: a claimed one nowhere.
local function list_session(session, mode)
  local lane = mode .. ':' .. turns_of(session)
  local oldest = redis.call('ZRANGE', key('due:' .. mode, session), 0, 0, 'WITHSCORES')
  if #oldest == 0 or is_claimed(session) then return leave_lane(session, lane) end
  redis.call('ZADD', key('lane', lane), oldest[2], session)
  redis.call('SADD', key('lanes'), lane)
end

local function list_in_all_modes(session)
  for _, mode in ipairs(MODES) do list_session(session, mode) end
end

local function reset_turns(session)
  for _, mode in ipairs(MODES) do leave_lane(session, mode .. ':' .. turns_of(session)) end
  redis.call('HDEL', key('turns'), session)
  redis.call('ZREM', key('turned'), session)
  list_in_all_modes(session)
end
`;
