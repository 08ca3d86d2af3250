/** All times of a script are in seconds; played, each takes a twentieth. */
export const SCALE = 20;
/** What a model turn, one request to the model, takes. */
export const TURN_S = 1;
/** How long a call is waited for where there is a limit. */
export const TIMEOUT_S = 1;

/** Something the user wants to know, and how long the tool takes that finds it out. */
export interface Question {
  name: string;
  toolS: number;
}

/** What the user says, and when. */
export interface Script {
  title: string;
  says: { atS: number; questions: Question[] }[];
}

/** Four questions at once, and one in between that needs none of their tools. */
export const CONVERSATION = conversation("A whole conversation", 1);
/** Whole seconds make ties: here are none. */
export const SLOWER = conversation(
  "The same, each tool a tenth slower, so that search misses the timeout",
  1.1,
);
export const ONE_SLOW = alone("One slow question, and nothing else to do", "report", 8);
export const JUST_MISSED = alone(
  "The worst case: one question, whose tool just misses the timeout",
  "search",
  1.1,
);

function conversation(title: string, slowness: number): Script {
  const ask = (name: string, toolS: number): Question => ({ name, toolS: round(toolS * slowness) });
  const questions = [ask("status", 0.1), ask("search", 1), ask("build", 3), ask("report", 8)];
  return {
    title,
    says: [
      { atS: 0, questions },
      { atS: 5.5, questions: [ask("news", 0.1)] },
    ],
  };
}

function alone(title: string, name: string, toolS: number): Script {
  return { title, says: [{ atS: 0, questions: [{ name, toolS }] }] };
}

export function questionsOf({ says }: Script): Question[] {
  return says.flatMap(({ questions }) => questions);
}

export function millisecondsOf(seconds: number): number {
  return (seconds * 1_000) / SCALE;
}

export function secondsOf(milliseconds: number): number {
  return (milliseconds * SCALE) / 1_000;
}

function round(seconds: number): number {
  return Math.round(seconds * 100) / 100;
}
