import { beforeEach, describe, expect, test } from "vitest";
import { FollowUpDispatcher } from "../../../src/follow-up/index.ts";
import { BackgroundTaskManager, type TaskStore } from "../../../src/index.ts";
import { ADA, BOB, inFakeTime, pass, soon } from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";
import { hostOf, takesMs } from "../hosts.ts";
import { ADA_2, allIds, complete, completeAll, followUpOf, LONG_MS, MOMENT_MS } from "../processes.ts";
import { around, begun, speak } from "./lab.ts";

inFakeTime();

describe.each(STORES)("rule 20: a turn begins, on $name", ({ makeStore }) => {
  let store: TaskStore;
  beforeEach(() => {
    store = makeStore();
  });

  test("where nothing waits: it has its session alone, and no message", async () => {
    const process = around(store)();
    const { turn, end, result } = await begun(process);
    expect(turn).toMatchObject({ scope: ADA, by: "user", followUps: [], message: undefined, waiting: 0 });
    expect(turn.signal.aborted).toBe(false);
    end.resolve("said");
    expect(await soon(result)).toBe("said");
  });

  test("with everything that waits, silent and stopped ones too", async () => {
    const process = around(store)();
    const done = await completeAll(process.tasks, [{}, { followUp: "silent" }, { followUp: "interrupt" }]);
    const stopped = await soon(
      process.tasks.start({ toolName: "crawl", input: 1, scope: ADA }, () => new Promise(() => undefined)),
    );
    await soon(process.tasks.cancel(ADA, stopped.id, { by: "user" }));
    await pass(3_000);
    const { turn, end, result } = await begun(process);
    expect(turn.followUps.map(({ id }) => id).sort()).toEqual([...allIds(done), stopped.id].sort());
    for (const { id } of turn.followUps) expect(turn.message?.text).toContain(id);
    end.resolve("said");
    await soon(result);
    await pass(20);
    for (const { id } of turn.followUps) expect((await followUpOf(process, id)).status).toBe("delivered");
  });

  test("with nothing, if it goes on with a call that waits for its result", async () => {
    const process = around(store)();
    const { id } = await complete(process.tasks);
    const { turn, end } = await begun(process, { take: "none" });
    expect(turn.followUps).toEqual([]);
    end.resolve("said");
    await pass(20);
    expect(await followUpOf(process, id)).toMatchObject({ status: "pending", attempts: 0 });
  });

  test("and each session, and the user's work without one, has its own", async () => {
    const process = around(store)();
    const scopes = [ADA, ADA_2, { userId: ADA.userId }, BOB];
    for (const scope of scopes) await begun(process, { whenBusy: "refuse" }, scope);
    const { result } = speak(process, { whenBusy: "refuse" }, { userId: ADA.userId, agentId: "other" });
    await expect(soon(result)).rejects.toMatchObject({ code: "busy" });
  });

  test("its number grows from turn to turn, whichever process has it, whoever begins it", async () => {
    const process = around(store, hostOf(takesMs(5)));
    const [one, other] = [process(), process()];
    const numbers: number[] = [];
    for (const each of [one, other, one]) {
      const { turn, end, result } = await begun(each);
      numbers.push(turn.number);
      end.resolve("said");
      await soon(result);
      await pass(20);
    }
    other.dispatcher.start();
    await complete(one.tasks);
    await pass(MOMENT_MS);
    numbers.push(other.host.turns[0]?.delivery.number ?? 0);
    expect(numbers).toHaveLength(4);
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
  });

  test("the user's sets the loop guard back, the host's does not", async () => {
    const process = around(store)({ dispatcher: { maxConsecutiveTurns: 1 } });
    process.dispatcher.start();
    await complete(process.tasks);
    await pass(MOMENT_MS);
    const held = await complete(process.tasks);
    await pass(5_000);
    expect(process.host.turns).toHaveLength(1);
    const byHost = await begun(process, { by: "host", take: "none" });
    byHost.end.resolve("done");
    await pass(5_000);
    expect(await followUpOf(process, held.id)).toMatchObject({ status: "pending" });
    const byUser = await begun(process, { take: "none" });
    byUser.end.resolve("said");
    await pass(5_000);
    expect(await followUpOf(process, held.id)).toMatchObject({ status: "delivered" });
  });

  test("no automatic turn begins beside it, in any process, and what waits is told when it has ended", async () => {
    const process = around(store);
    const [one, other] = [process(), process()];
    const { end } = await begun(one);
    for (const each of [one, other]) each.dispatcher.start();
    const { id } = await complete(other.tasks);
    await pass(25_000);
    expect(one.host.turns).toEqual([]);
    end.resolve("said");
    await pass(2_500);
    expect(one.host.turns.map(({ ids }) => ids)).toEqual([[id]]);
  });

  test("a host that only pulls needs no deliver, and cannot start", async () => {
    const tasks = new BackgroundTaskManager({ store });
    const dispatcher = new FollowUpDispatcher({ tasks });
    expect(() => dispatcher.start()).toThrow(expect.objectContaining({ code: "invalid_option" }));
    const { id } = await complete(tasks);
    const told = dispatcher.turn(ADA, async ({ followUps }) => followUps.map((followUp) => followUp.id));
    expect(await soon(told)).toEqual([id]);
  });

  test("results that a turn does not look at are not told, and come again", async () => {
    const process = around(store)();
    const { id } = await complete(process.tasks);
    await soon(process.dispatcher.turn(ADA, () => "nothing"));
    await pass(20);
    expect(await followUpOf(process, id)).toMatchObject({ status: "pending", attempts: 0 });
  });

  test("what is not usable is refused, by name", async () => {
    const { dispatcher } = around(store)();
    const refused = (promise: Promise<unknown>, text: string) =>
      expect(soon(promise)).rejects.toMatchObject({
        code: "invalid_input",
        message: expect.stringContaining(text),
      });
    await refused(
      dispatcher.turn({ userId: "" }, () => 1),
      "userId",
    );
    await refused(dispatcher.turn(ADA, undefined as never), "run");
    await refused(
      dispatcher.turn(ADA, () => 1, { when: "now" } as never),
      "when is not an option",
    );
    await refused(
      dispatcher.turn(ADA, () => 1, { whenBusy: "never" as never }),
      "whenBusy",
    );
    await refused(dispatcher.begin(ADA, { maxWaitMs: -1 }), "maxWaitMs");
    await refused(dispatcher.abortTurn(ADA, 7 as never), "reason");
    await pass(LONG_MS);
  });
});
