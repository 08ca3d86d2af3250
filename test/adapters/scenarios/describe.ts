import { describe, test } from "vitest";
import { allowWarnings } from "../../support/warnings.ts";
import type { Framework } from "./framework.ts";
import { SCENARIOS } from "./scenarios.ts";
import { TURN_SCENARIOS } from "./turns.ts";

const ALL = { ...SCENARIOS, ...TURN_SCENARIOS };

/** Puts a framework through every scenario, in plain and in streaming runs. */
export function describeFramework(framework: Framework): void {
  describe.each([
    { run: "plain", isStreaming: false },
    { run: "streaming", isStreaming: true },
  ])(`${framework.name}, $run runs`, ({ isStreaming }) => {
    for (const [name, scenario] of Object.entries(ALL)) {
      const reason = framework.cannot[name];
      const play = () => scenario({ framework, isStreaming });
      if (reason === undefined) test(name, play);
      else test.fails(`cannot: ${name} (${reason})`, { retry: 0 }, () => playInVain(play));
    }
  });

  test("what it cannot do are scenarios that there are", ({ expect }) => {
    for (const name of Object.keys(framework.cannot)) expect(Object.keys(ALL)).toContain(name);
  });
}

/** What a scenario has left undone, its deliveries may stumble over. */
function playInVain(play: () => Promise<void>): Promise<void> {
  allowWarnings();
  return play();
}
