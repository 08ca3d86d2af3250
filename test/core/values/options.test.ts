import { expect, expectTypeOf, test } from "vitest";
import { func, limit, oneOf } from "../../../src/core/values/kinds.ts";
import {
  group,
  needed,
  numbersIn,
  option,
  readArgument,
  readOptions,
  type Table,
} from "../../../src/core/values/options.ts";

interface OvenOptions {
  degrees?: number | undefined;
}

interface BakeOptions {
  cake: "apple" | "plum";
  layers?: number | undefined;
  oven?: OvenOptions | undefined;
  done?(): void;
}

const OVEN = { degrees: option(limit(0), 180) } satisfies Table<OvenOptions>;
const BAKE = {
  cake: needed(oneOf("apple", "plum")),
  layers: option(limit(1), 2),
  oven: group(OVEN),
  done: option(func()),
} satisfies Table<BakeOptions>;

test("what is not given has its default, also in a group", () => {
  const oven = { degrees: 180 };
  expect(readOptions(BAKE, { cake: "plum" })).toEqual({ cake: "plum", layers: 2, oven, done: undefined });
  expect(readOptions(BAKE, { cake: "plum", layers: undefined, oven: undefined })).toMatchObject({ oven });
  expect(readOptions(BAKE, { cake: "plum", oven: { degrees: undefined } })).toMatchObject({ oven });
});

test.each<[given: unknown, message: string]>([
  [undefined, "options must be an object; got undefined."],
  [{}, 'cake must be one of "apple", "plum"; got undefined.'],
  [{ cake: "plum", layers: null }, "layers must be a whole number from 1 on, or Infinity; got null."],
  [{ cake: "plum", oven: 5 }, "oven must be an object; got 5."],
  [
    { cake: "plum", oven: { degrees: -1 } },
    "oven.degrees must be a whole number from 0 on, or Infinity; got -1.",
  ],
  [{ cake: "plum", oven: { heat: 1 } }, "oven.heat is not an option; there are degrees."],
  [{ cakes: "plum" }, "cakes is not an option; there are cake, layers, oven, done."],
])("%j is refused", (given, message) => {
  expect(() => readOptions(BAKE, given)).toThrow(
    expect.objectContaining({ code: "invalid_option", message }),
  );
  expect(() => readArgument(BAKE, given)).toThrow(
    expect.objectContaining({ code: "invalid_input", message }),
  );
});

test("what is read may be of a class, and its own names count", () => {
  class Baking {
    get layers() {
      return 5;
    }
    cake = "apple";
    taste() {}
  }
  expect(readOptions(BAKE, new Baking())).toMatchObject({ cake: "apple", layers: 5 });
});

test("the numbers among the defaults", () => expect(numbersIn(BAKE)).toEqual({ layers: 2 }));

test("types: a setting is what its kind answers", () => {
  const settings = readOptions(BAKE, { cake: "plum" });
  expectTypeOf(settings.cake).toEqualTypeOf<"apple" | "plum">();
  expectTypeOf(settings.layers).toEqualTypeOf<number>();
  expectTypeOf(settings.oven.degrees).toEqualTypeOf<number>();
  expectTypeOf(settings.done).toEqualTypeOf<(() => void) | undefined>();
});

test("types: a table names what its interface names, and as it does", () => {
  const degrees = option(limit(0), 180);
  // @ts-expect-error an option of the interface is missing
  ({}) satisfies Table<OvenOptions>;
  // @ts-expect-error there is no such option in the interface
  ({ degrees, heat: degrees }) satisfies Table<OvenOptions>;
  // @ts-expect-error it is of another kind
  ({ degrees: option(oneOf("hot")) }) satisfies Table<OvenOptions>;
  // @ts-expect-error it has to be given, and the table lets it be left out
  ({ ...BAKE, cake: option(oneOf("apple", "plum")) }) satisfies Table<BakeOptions>;
});
