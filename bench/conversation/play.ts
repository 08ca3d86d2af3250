import { setTimeout as sleep } from "node:timers/promises";
import { millisecondsOf, questionsOf, type Script, secondsOf } from "./script.ts";
import { type CastFor, WAYS, type WayName } from "./ways.ts";

/** How one play of a script went, in seconds of the script. */
export interface Play {
  /** Until the user has the first answer. */
  firstS: number;
  /** Until the user has every answer. Infinite where one is never given. */
  lastS: number;
  /** From a question to its answer, on average. Infinite likewise. */
  waitS: number;
  turns: number;
  answers: number;
}

export type Plays = Record<WayName, Play>;

export const WAY_NAMES = Object.keys(WAYS) as WayName[];

/** The median of several rounds. The ways are taken in turns: a noisy moment of the machine meets them all. */
export async function playEachWay(script: Script, rounds: number): Promise<Plays> {
  const played = Object.fromEntries(WAY_NAMES.map((way) => [way, []])) as unknown as Record<WayName, Play[]>;
  for (let round = 0; round < rounds; round += 1) {
    for (const way of WAY_NAMES) played[way].push(await play(script, WAYS[way]));
  }
  const { blocking, killed, background, offloaded } = played;
  return {
    blocking: medianOf(blocking),
    killed: medianOf(killed),
    background: medianOf(background),
    offloaded: medianOf(offloaded),
  };
}

async function play(script: Script, castFor: CastFor): Promise<Play> {
  const told = new Map<string, number>();
  const startedAt = performance.now();
  const elapsedMs = () => performance.now() - startedAt;
  // A dispatcher's poll does not keep the process alive.
  const alive = setInterval(() => undefined, 1_000);
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const { agent, close } = castFor((name, isAnswer) => {
    if (told.has(name)) throw new Error(`The user was told of "${name}" twice.`);
    told.set(name, isAnswer ? secondsOf(elapsedMs()) : Number.POSITIVE_INFINITY);
    if (told.size === questionsOf(script).length) end();
  });
  const speak = async ({ atS, questions }: Script["says"][number]) => {
    await sleep(millisecondsOf(atS) - elapsedMs());
    await agent.take(questions.map((question) => ({ type: "question", question })));
  };
  await Promise.all([ended, ...script.says.map(speak)]);
  await close();
  clearInterval(alive);
  return playOf(script, told, agent.turns);
}

function playOf({ says }: Script, told: ReadonlyMap<string, number>, turns: number): Play {
  const instants = [...told.values()];
  const waits = says.flatMap(({ atS, questions }) =>
    questions.map(({ name }) => (told.get(name) ?? 0) - atS),
  );
  return {
    firstS: Math.min(...instants),
    lastS: Math.max(...instants),
    waitS: waits.reduce((sum, wait) => sum + wait, 0) / waits.length,
    turns,
    answers: instants.filter(Number.isFinite).length,
  };
}

function medianOf(plays: readonly Play[]): Play {
  const middle = (key: keyof Play) =>
    plays.map((one) => one[key]).sort((a, b) => a - b)[plays.length >> 1] as number;
  const [firstS, lastS, waitS] = [middle("firstS"), middle("lastS"), middle("waitS")];
  return { firstS, lastS, waitS, turns: middle("turns"), answers: middle("answers") };
}
