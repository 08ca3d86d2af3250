import { describe } from "vitest";
import { origins } from "./origins.ts";
import { inBothPlaces } from "./places.ts";
import { tabs } from "./tabs.ts";
import { versions } from "./versions.ts";

inBothPlaces((place) => {
  describe("versions", () => versions(place));
  describe("tabs", () => tabs(place));
  describe("origins", () => origins(place));
});
