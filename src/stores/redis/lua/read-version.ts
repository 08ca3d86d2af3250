import { script } from "./script.ts";

export const READ_VERSION = script({
  does: "Reads the version of what is written in the shard, and writes nothing.",
  takes: [],
  returns: "the version; nothing: there is none",
  body: "return redis.call('GET', key('version'))",
});
