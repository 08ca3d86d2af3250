import { expect, test } from "vitest";
import { ownView, readDataUrl } from "../../../src/core/model/make-view.ts";
import { storeWithView } from "../../../src/core/model/stored-view.ts";
import { countSteps } from "../../support/counted-regexp.ts";

/** What data may begin with, go on with, or end with in vain. */
const UNITS = [" ", "=", "A", "A=", "= ", "A ", "\n", "data:", ";", ",", "/"];

test("odd data take no more than in proportion to their length", () => {
  const stepsFor = (data: string) => {
    const own = () => ownView([{ type: "media", mediaType: "image/png", data, url: `data:${data}` }]);
    const run = () => [storeWithView("v", own(), 1_000), readDataUrl(`data:${data}`)];
    return [...countSteps(run).steps.values()].reduce((sum, steps) => sum + steps, 0);
  };
  for (const start of UNITS) {
    for (const end of ["", "!", "A", "=", "\n", "A=="]) {
      const [short, long] = [400, 1_600].map((times) => stepsFor(start.repeat(times) + end)) as [
        number,
        number,
      ];
      expect(long, JSON.stringify([start, end])).toBeLessThan(short * 6 + 2_000);
    }
  }
});
