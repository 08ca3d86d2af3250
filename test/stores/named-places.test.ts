import { expect, test } from "vitest";
import { inOrder, toQuery } from "../../src/stores/postgres/statement.ts";
import { replaceNames } from "../../src/stores/shared/named-places.ts";
import { statement } from "../../src/stores/sqlite/statement.ts";

const TEXT = "UPDATE t SET a = :value, b = :value::text WHERE id = :id AND n > :after1::bigint";

test("names are places, and casts are none", () => {
  const names: string[] = [];
  replaceNames(TEXT, (name) => String(names.push(name)));
  expect(names).toEqual(["value", "value", "id", "after1"]);
});

test("SQLite takes a value as often as its name comes", () => {
  const { sql, order } = statement("UPDATE t SET a = :value, b = :value WHERE id = :id");
  expect(sql).toBe("UPDATE t SET a = ?, b = ? WHERE id = ?");
  expect(order).toEqual(["value", "value", "id"]);
});

test("PostgreSQL takes each value once", () => {
  const query = toQuery<"value" | "id" | "after1">(TEXT);
  expect(query.text).toBe("UPDATE t SET a = $1, b = $1::text WHERE id = $2 AND n > $3::bigint");
  expect(inOrder(query, { after1: 3, id: "id", value: null })).toEqual([null, "id", 3]);
});
