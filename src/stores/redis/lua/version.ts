/**
 * The version of what this release writes. A shard that names none was written by 0.1.0, or is empty: both are
 * of version 1.
 */
export const VERSION = "1";

/** What the refusal of another version begins with: the version that was found follows. */
export const OTHER_VERSION = "OTHERVERSION";

/**
 * The first argument of every script is the version, until the store knows that it is there: nothing comes between
 * the check and the work.
 */
export const CHECK_VERSION = `
local version = arg()
if version ~= '' then
  local found = redis.call('GET', key('version'))
  if found and found ~= version then return redis.error_reply('${OTHER_VERSION} ' .. found) end
  -- Where there is no memory for it, what makes room must run all the same; another store will write it.
  if not found then redis.pcall('SET', key('version'), version) end
end
`;
