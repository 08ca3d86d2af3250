import { type Plays, WAY_NAMES } from "./play.ts";
import { questionsOf, type Script, TIMEOUT_S } from "./script.ts";
import type { WayName } from "./ways.ts";

const NAMES: Record<WayName, string> = {
  blocking: "blocking: each call is waited for",
  killed: `killed: a call ends after ${TIMEOUT_S} s, and its result is lost`,
  background: "background: each call, from its start",
  offloaded: `offloaded: each call that takes more than ${TIMEOUT_S} s`,
};

const HEAD = [
  "| way | first answer | last answer | mean wait | model turns | answers |",
  "| --- | ---: | ---: | ---: | ---: | ---: |",
];

/** What the user says in a script, and a line for each way. */
export function tableOf(script: Script, plays: Plays): string {
  const { blocking } = plays;
  const asked = questionsOf(script).length;
  const lines = WAY_NAMES.map((way) => {
    const { firstS, lastS, waitS, turns, answers } = plays[way];
    const cells = [
      NAMES[way],
      against(firstS, blocking.firstS),
      against(lastS, blocking.lastS),
      against(waitS, blocking.waitS),
      `${turns}`,
      `${answers} of ${asked}`,
    ];
    return `| ${cells.join(" | ")} |`;
  });
  return [`${script.title}. ${sayings(script)}`, "", ...HEAD, ...lines].join("\n");
}

export function seconds(value: number): string {
  return `${value.toFixed(1)} s`;
}

function sayings({ says }: Script): string {
  const parts = says.map(({ atS, questions }) => {
    const names = questions.map(({ name, toolS }) => `${name} (${toolS} s)`).join(", ");
    return `at ${atS} s for ${names}`;
  });
  return `The user asks ${parts.join("; ")}.`;
}

function against(value: number, blocking: number): string {
  return Number.isFinite(value) ? `${seconds(value)} (${(value / blocking).toFixed(2)} ×)` : "never";
}
