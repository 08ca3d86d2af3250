import { script } from "./script.ts";
import { VERSION } from "./version.ts";

/**
 * Every command that scripts use, with what it is tried with: none of them leaves anything where there is no such key.
 * What is best effort is missing.
 */
export const HARMLESS: Readonly<Record<string, string>> = {
  DEL: "scratch",
  EXISTS: "scratch",
  GET: "scratch",
  HDEL: "scratch, 'a'",
  HEXISTS: "scratch, 'a'",
  HGET: "scratch, 'a'",
  HGETALL: "scratch",
  HLEN: "scratch",
  HMGET: "scratch, 'a'",
  LLEN: "scratch",
  LPOP: "scratch",
  LRANGE: "scratch, 0, 0",
  LREM: "scratch, 1, 'a'",
  PEXPIRE: "scratch, 1",
  RENAME: "scratch, scratch",
  SCAN: "0, 'COUNT', 1",
  SISMEMBER: "scratch, 'a'",
  SMEMBERS: "scratch",
  SREM: "scratch, 'a'",
  TIME: "",
  TYPE: "scratch",
  UNLINK: "scratch",
  ZCARD: "scratch",
  ZCOUNT: "scratch, 0, 0",
  ZRANGE: "scratch, 0, 0",
  ZRANGEBYSCORE: "scratch, 0, 0",
  ZREM: "scratch, 'a'",
  ZREVRANGE: "scratch, 0, 0",
  ZREVRANGEBYSCORE: "scratch, 0, 0",
  ZSCORE: "scratch, 'a'",
  ZUNION: "1, scratch",
};

/** Those that write: tried when it is known that what they have written can be taken away. */
export const WRITING: Readonly<Record<string, string>> = {
  HINCRBY: "scratch, 'a', 1",
  HSET: "scratch, 'a', 1",
  RPUSH: "scratch, 'a'",
  SADD: "scratch, 'a'",
  ZADD: "scratch, 1, 'a'",
  SET: "scratch, 'a'",
};

export const LOOK = script({
  does: "Reads the version of what is written in the shard, and tries what scripts need. Nothing is left of that.",
  takes: [],
  returns:
    "another version, or the name of a command that is refused and what the server says; nothing: all is well",
  body: `
local version, scratch = redis.pcall('GET', key('version')), key('scratch')
if type(version) == 'table' then return { 'GET', version.err } end
if version and version ~= '${VERSION}' then return { version } end

-- For want of memory much is refused now and then: it is refused before anything is written.
local function is_refusal(err) return not err:find('OOM', 1, true) and not err:find('no such key', 1, true) end

local function try(command, ...)
  local answer = redis.pcall(command, ...)
  if type(answer) == 'table' and answer.err and is_refusal(answer.err) then return { command, answer.err } end
end

local function try_harmless()
  return ${tries(HARMLESS)}
end

local function try_writing(name, ...)
  local refusal = try(name, ...)
  redis.call('DEL', scratch)
  return refusal
end

local refusal = try_harmless()
if refusal then return refusal end
return ${tries(WRITING, "try_writing")}
`,
});

function tries(commands: Readonly<Record<string, string>>, by = "try"): string {
  const calls = Object.entries(commands).map(
    ([name, args]) => `${by}(${[`'${name}'`, args].filter(Boolean).join(", ")})`,
  );
  return calls.join("\n    or ");
}
