import { describe } from "vitest";
import { network } from "./network.ts";
import { inBothPlaces } from "./places.ts";
import { signIn } from "./sign-in.ts";

inBothPlaces((place) => {
  describe("the network", () => network(place));
  describe("signing in", () => signIn(place));
});
