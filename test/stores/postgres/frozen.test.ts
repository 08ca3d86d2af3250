import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { version1 } from "../../../src/stores/postgres/migrations/version-1/all.ts";
import { version2 } from "../../../src/stores/postgres/migrations/version-2.ts";
import { version3 } from "../../../src/stores/postgres/migrations/version-3.ts";
import { version4 } from "../../../src/stores/postgres/migrations/version-4/all.ts";

/** What databases out there were made with. Never change one of these: write the next migration. */
test.each([
  ["1", version1, "6a1e96da2e1d121ee55ce03076b90f7fcf1adc781f62916bf1c4f78dba865a22"],
  ["2", version2, "54790f925a41bcfe142098d02423bf33f13895dbce1a0d302a971247ca287657"],
  ["3", version3, "286db88e373a8c17cd14aa77a99aae2e279aff34cbb61e907a18174d0f713a8e"],
  ["4", version4, "59d1cfc662dbff86a5b251c6406fcd200f4caacd6f1933a4181d0602d0db1a10"],
])("version %s never changes", (_version, sql, digest) => {
  expect(createHash("sha256").update(sql('"schema"')).digest("hex")).toBe(digest);
});
