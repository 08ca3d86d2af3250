import { describe, expect, test } from "vitest";
import { Chain, type Link, Passage } from "../../../src/core/values/chain.ts";

describe("Chain", () => {
  test("holds what was added, the newest first, until it is deleted", () => {
    const { chain, links } = chainOf("a", "b", "c", "d");
    for (const name of ["b", "d", "a"]) expect(chain.delete(links[name] as Named)).toBe(true);
    expect([...chain].map(({ name }) => name)).toEqual(["c"]);
    expect(chain.size).toBe(1);
  });

  test("what is deleted holds on to nobody, and can come back", () => {
    const { chain, links } = chainOf("a", "b", "c");
    const b = links.b as Named;
    chain.delete(b);
    expect(b).toEqual({ name: "b", older: undefined, newer: undefined });
    chain.add(b);
    expect([...chain].map(({ name }) => name)).toEqual(["b", "c", "a"]);
  });

  test("what is not there cannot be deleted", () => {
    const { chain, links } = chainOf("a");
    expect(chain.delete(links.a as Named)).toBe(true);
    expect(chain.delete(links.a as Named)).toBe(false);
    expect(chain.size).toBe(0);
  });
});

test("a Passage is a map, in the order in which its keys came", () => {
  const passage = new Passage<number>();
  for (const [key, value] of Object.entries({ one: 1, two: 2, three: 3 })) passage.set(key, value);
  passage.delete("two");
  passage.delete("four");
  expect(passage.values()).toEqual([1, 3]);
  expect([passage.size, passage.has("two"), passage.get("two"), passage.get("one")]).toEqual([
    2,
    false,
    undefined,
    1,
  ]);
});

interface Named extends Link<Named> {
  name: string;
}

function chainOf(...names: string[]) {
  const chain = new Chain<Named>();
  const all = names.map((name) => ({ name, older: undefined, newer: undefined }));
  for (const link of all) chain.add(link);
  return { chain, links: Object.fromEntries(all.map((link) => [link.name, link])) as Record<string, Named> };
}
