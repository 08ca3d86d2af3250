import { beforeEach, describe, expect, test, vi } from "vitest";
import type { LateResults } from "../../../src/adapters/shared/follow-ups.ts";
import { Intake } from "../../../src/adapters/shared/intake.ts";
import type { FollowUpClaim, FollowUpInbox, FollowUpMarker } from "../../../src/follow-up/index.ts";
import { memoryStore, TaskOffloadError } from "../../../src/index.ts";
import { complete, followUpOf, inboxOf, LEASE_MS, type Process } from "../../follow-up/processes.ts";
import { around, begun } from "../../follow-up/turns/lab.ts";
import { ADA, gate, inFakeTime, isPending, pass, soon } from "../../support/scene.ts";

inFakeTime();

/** A message of some framework's. */
interface Message {
  marker?: FollowUpMarker | undefined;
}

const toMessage = ({ followUps, messageFor }: LateResults): Message => messageFor(followUps);
const idsOf = (late: LateResults | undefined) => late?.followUps.map(({ id }) => id) ?? [];
const down = () => Promise.reject(new Error("It is down."));

let start: ReturnType<typeof around>;
let home: Process;
beforeEach(() => {
  start = around(memoryStore());
  home = start();
});

const intakeOf = (inbox: Pick<FollowUpInbox, "claim"> = inboxOf(home.tasks).inbox) =>
  new Intake<Message>(inbox, ({ marker }) => marker);
const take = (intake: Intake<Message>) => soon(intake.take(ADA, "turn"));
const mustTake = async (intake: Intake<Message>) => (await take(intake)) ?? expect.unreachable("Nothing.");
const urgent = async () => (await complete(home.tasks, { followUp: "interrupt" })).id;
const stateOf = (id: string) => followUpOf(home, id);

/** The session is free, or a turn of this process has it. */
const GROUNDS = [
  { on: "a claim", open: async () => undefined, spent: 1 },
  { on: "the turn that runs", open: () => begun(home), spent: 0 },
];

describe.each(GROUNDS)("what a run takes in at its steps, from $on", ({ open, spent }) => {
  let turn: Awaited<ReturnType<typeof begun>> | undefined;
  beforeEach(async () => {
    turn = await open();
  });

  test("is in hand until the message that tells of it is kept", async () => {
    const id = await urgent();
    const intake = intakeOf();
    const late = await mustTake(intake);
    expect([idsOf(late), late.turn]).toEqual([[id], turn?.turn]);
    expect([intake.isEmpty, (await stateOf(id)).status]).toEqual([false, "claimed"]);
    await soon(intake.acknowledge([{}]));
    expect((await stateOf(id)).status).toBe("claimed");
    await soon(intake.acknowledge([{}, toMessage(late)]));
    expect(intake.isEmpty).toBe(true);
    expect(await stateOf(id)).toMatchObject({ status: "delivered", attempts: spent });
  });

  test("step after step, and what one has kept stays so if the run is broken off at the next", async () => {
    const kept = await urgent();
    const intake = intakeOf();
    const first = await mustTake(intake);
    const open = await urgent();
    expect(idsOf(await take(intake))).toEqual([open]);
    await soon(intake.acknowledge([toMessage(first)]));
    const last = await urgent();
    expect(idsOf(await take(intake))).toEqual([last]);
    expect(await take(intake)).toBeUndefined();
    if (turn) {
      await soon(home.dispatcher.abortTurn(ADA));
      turn.end.reject(new Error("Aborted."));
    }
    await soon(intake.settle(() => [toMessage(first)]));
    await pass(50);
    expect((await stateOf(kept)).status).toBe("delivered");
    for (const id of [open, last]) expect((await stateOf(id)).status).toBe("pending");
  });

  test("comes again where no message can be made of it, and the run is told why", async () => {
    const id = await urgent();
    const intake = intakeOf();
    await mustTake(intake);
    await expect(soon(intake.orGiveBack(down))).rejects.toThrow("It is down.");
    expect(await stateOf(id)).toMatchObject({ status: "pending", attempts: spent });
    expect(idsOf(await take(intake))).toEqual([id]);
    expect(await soon(intake.orGiveBack(async () => "made"))).toBe("made");
    expect((await stateOf(id)).status).toBe("claimed");
  });

  test("is told by one of two hooks of a step, whichever asks first", async () => {
    const id = await urgent();
    const intakes = [intakeOf(), intakeOf()];
    const both = await soon(Promise.all(intakes.map((intake) => intake.take(ADA, "turn"))));
    expect(both.flatMap(idsOf)).toEqual([id]);
    await soon(
      Promise.all(
        intakes.map((intake) => intake.settle(() => both.flatMap((late) => (late ? [toMessage(late)] : [])))),
      ),
    );
    expect((await stateOf(id)).status).toBe("delivered");
  });

  test("comes again at once where the run has ended before the store has answered", async () => {
    const id = await urgent();
    const { inbox } = inboxOf(home.tasks);
    const asked = gate();
    const claim: FollowUpInbox["claim"] = (...given) => asked.promise.then(() => inbox.claim(...given));
    const intake = intakeOf({ claim });
    const taking = intake.take(ADA, "turn");
    await soon(intake.settle(() => []));
    asked.resolve("now");
    expect(await soon(taking)).toBeUndefined();
    expect([intake.isEmpty, (await stateOf(id)).status]).toEqual([true, "pending"]);
  });

  test("is settled once, however many say so at once", async () => {
    const id = await urgent();
    const intake = intakeOf();
    const message = toMessage(await mustTake(intake));
    const slow = gate<Message[]>();
    const settling = intake.settle(() => slow.promise);
    await soon(intake.acknowledge([message]));
    slow.resolve([]);
    await soon(settling);
    expect((await stateOf(id)).status).toBe("delivered");
  });

  test("is acknowledged in part, where the conversation tells of some of it already", async () => {
    const told = await urgent();
    const news = await urgent();
    const intake = intakeOf();
    const { followUps, messageFor } = await mustTake(intake);
    await soon(intake.acknowledge([messageFor(followUps.filter(({ id }) => id === told))]));
    expect([(await stateOf(told)).status, (await stateOf(news)).status]).toEqual(["delivered", "claimed"]);
    await soon(intake.giveBack());
    expect([(await stateOf(told)).status, (await stateOf(news)).status]).toEqual(["delivered", "pending"]);
  });

  test("comes again where nobody can say what was kept, who is asked only if something is in hand", async () => {
    const intake = intakeOf();
    const kept = vi.fn(down);
    await soon(intake.settle(kept));
    expect(kept).not.toHaveBeenCalled();
    const id = await urgent();
    await mustTake(intake);
    await soon(intake.settle(kept));
    expect(await stateOf(id)).toMatchObject({ status: "pending", attempts: spent });
  });
});

test("what was lost to another process is its own: whatever is said of it here changes nothing", async () => {
  const id = await urgent();
  const intake = intakeOf(inboxOf(home.tasks, { holdMs: 0 }).inbox);
  const late = await mustTake(intake);
  await pass(LEASE_MS);
  const other = inboxOf(start().tasks);
  const claimed = await other.mustClaim("turn");
  expect(await take(intake)).toBeUndefined();
  await soon(intake.settle(() => [toMessage(late)]));
  expect(await stateOf(id)).toMatchObject({ status: "claimed", attempts: 2 });
  expect(await soon(claimed.acknowledge())).toBe(true);
});

test("what is in hand when its turn ends comes again, and is known by its marker then", async () => {
  const { end } = await begun(home);
  const id = await urgent();
  const intake = intakeOf();
  const message = toMessage(await mustTake(intake));
  end.resolve("said");
  await pass(50);
  expect(await stateOf(id)).toMatchObject({ status: "pending", attempts: 0 });
  await soon(intake.acknowledge([message]));
  expect((await stateOf(id)).status).toBe("pending");
  const next = intakeOf();
  await mustTake(next);
  await soon(next.acknowledge([message]));
  expect((await stateOf(id)).status).toBe("delivered");
});

test("a marker without the task's word acknowledges nothing", async () => {
  const id = await urgent();
  const intake = intakeOf();
  const { marker } = toMessage(await mustTake(intake));
  const tasks = (marker?.tasks ?? []).map((task) => ({ ...task, word: "guessed" }));
  await soon(intake.settle(() => [{ marker: { type: "tool-offload.follow-up", tasks } }]));
  expect((await stateOf(id)).status).toBe("pending");
});

describe("a store that fails", () => {
  const failed = () => Promise.reject(new TaskOffloadError("store_failed", "The store is down."));

  test("when it is asked breaks no run, and other errors do", async () => {
    expect(await take(intakeOf({ claim: failed }))).toBeUndefined();
    await expect(take(intakeOf({ claim: down }))).rejects.toThrow("It is down.");
    const { inbox } = inboxOf(home.tasks);
    const intake = intakeOf(withClaims(inbox, { interrupts: failed }));
    const id = await urgent();
    await mustTake(intake);
    expect(await take(intake)).toBeUndefined();
    expect((await stateOf(id)).status).toBe("claimed");
  });

  test("when something is settled holds the run up for a second at most", async () => {
    const { inbox } = inboxOf(home.tasks);
    const acknowledge = vi.fn(() => new Promise<boolean>(() => undefined));
    const intake = intakeOf(withClaims(inbox, { acknowledge }));
    await urgent();
    const message = toMessage(await mustTake(intake));
    const settling = intake.settle(() => [message]);
    await pass(990);
    expect(await isPending(settling)).toBe(true);
    await pass(20);
    await settling;
    expect(acknowledge).toHaveBeenCalledOnce();
  });
});

function withClaims(inbox: FollowUpInbox, odd: Partial<FollowUpClaim>): Pick<FollowUpInbox, "claim"> {
  return {
    async claim(...given) {
      const claimed = await inbox.claim(...given);
      return claimed && { ...claimed, ...odd };
    },
  };
}
