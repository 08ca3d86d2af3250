import { type Play, type Plays, playEachWay } from "./conversation/play.ts";
import { oldTaskOutput, type Polling, playPolling, taskOutput } from "./conversation/polling.ts";
import {
  CONVERSATION,
  JUST_MISSED,
  ONE_SLOW,
  SCALE,
  SLOWER,
  TIMEOUT_S,
  TURN_S,
} from "./conversation/script.ts";
import { seconds, tableOf } from "./conversation/table.ts";
import { COALESCE_S } from "./conversation/ways.ts";
import type { Row } from "./side-by-side.ts";

const ROUNDS = 5;

const PREFACE = `
The conversations. The model is scripted, since none can be asked offline: a model turn, one request to it, takes
${TURN_S} s. At each turn it reads what is new, answers each question whose result it has read, and calls the tools of
all new questions side by side. In brackets: how long a question's tool takes. Only an answer that is made of a
tool's result counts: "I have started it" is none. A killed call is not repeated: it would be killed again.

The questions, the tools and the agent are the same in all four ways. What the user says during a run is read at
its next turn. A late result wakes an idle agent (FollowUpDispatcher); one that comes during a run is taken in
when that ends (FollowUpInbox). "background" is this library with mode "always" and coalesceMs 0, "offloaded" has a
timeout of ${TIMEOUT_S} s and coalesceMs ${COALESCE_S * 1_000}.

It is played ${SCALE} times as fast, so whatever the library itself takes counts ${SCALE} times. All times are those of the
script, and medians of ${ROUNDS} rounds; × is against blocking.`.trim();

/** A whole conversation, with four ways of calling its tools: the rows with a bound, and what lies behind them. */
export async function conversation(): Promise<{ rows: Row[]; text: string }> {
  const whole = await playEachWay(CONVERSATION, ROUNDS);
  const slower = await playEachWay(SLOWER, ROUNDS);
  const slow = await playEachWay(ONE_SLOW, ROUNDS);
  const missed = await playEachWay(JUST_MISSED, ROUNDS);
  const polled = await playPolling(oldTaskOutput);
  const polling = await playPolling(taskOutput);
  const tables = [
    tableOf(CONVERSATION, whole),
    tableOf(SLOWER, slower),
    tableOf(ONE_SLOW, slow),
    tableOf(JUST_MISSED, missed),
    pollingTable(polled, polling),
  ];
  return {
    rows: [
      ...rowsOf(whole),
      lastAnswer("… the last answer in the worst case", missed),
      {
        name: "… turns of a model that polls, against task_output of 0.1.0",
        detail: `${polling.turns} turns, ${polling.tokens} tokens against ${polled.turns} turns, ${polled.tokens} tokens`,
        ratio: polling.turns / polled.turns,
        limit: 0.6,
      },
    ],
    text: [PREFACE, ...tables].join("\n\n"),
  };
}

function pollingTable(polled: Polling, polling: Polling): string {
  const line = (name: string, { turns, tokens, lastS }: Polling) =>
    `| ${name} | ${turns} | ${tokens} | ${seconds(lastS)} |`;
  return [
    "A model that polls: three calls of 30, 60 and 150 s are in the background, and it asks for them, 5 s at a time, until",
    "it has their results or is told to end its turn. Each turn reads 10,000 tokens and all that came since.",
    "",
    "| task_output | model turns | tokens read | last result |",
    "| --- | ---: | ---: | ---: |",
    line("0.1.0: one task a call", polled),
    line("several tasks a call, and told to end its turn", polling),
  ].join("\n");
}

function rowsOf(plays: Plays): Row[] {
  const { blocking, background, offloaded } = plays;
  return [
    {
      name: "conversation: the first answer, against blocking",
      detail: `${seconds(offloaded.firstS)} against ${seconds(blocking.firstS)}`,
      ratio: offloaded.firstS / blocking.firstS,
      limit: 0.33,
    },
    {
      name: "… model turns, against every call in the background",
      detail: `${offloaded.turns} against ${background.turns}`,
      ratio: offloaded.turns / background.turns,
      limit: 0.99,
    },
    lastAnswer("… the last answer, against blocking + one turn + coalesceMs", plays),
  ];
}

function lastAnswer(name: string, { blocking, offloaded }: Record<"blocking" | "offloaded", Play>): Row {
  const latestS = blocking.lastS + TURN_S + COALESCE_S;
  const detail = `${seconds(offloaded.lastS)} against ${seconds(latestS)}`;
  return { name, detail, ratio: offloaded.lastS / latestS, limit: 1 };
}
