import { beforeEach, describe, expect, test } from "vitest";
import type { TaskStore } from "../../../src/index.ts";
import { arrivesAfter, faultyStore, neverAnswers, rejects } from "../../support/faulty-store.ts";
import { ADA, inFakeTime, pass, soon } from "../../support/scene.ts";
import { STORES } from "../../support/stores.ts";
import { complete, cutOff } from "../processes.ts";
import { around, begun, type OpenTurn, speak } from "./lab.ts";

inFakeTime();

describe.each(STORES)(
  "rule 20: of those who wait for a session in several processes, on $name",
  ({ makeStore }) => {
    let store: TaskStore;
    beforeEach(() => {
      store = makeStore();
    });

    test("each process has its turn, however many wait in another", async () => {
      const process = around(store);
      const [one, other] = [process(), process()];
      const first = await begun(one);
      const turns: OpenTurn[] = [];
      for (const from of [one, one, one, other, other]) {
        turns.push(speak(from));
        await pass(20);
      }
      first.end.resolve("said");
      for (const { end } of turns) end.resolve("said");
      await soon(Promise.all(turns.map(({ result }) => result)));
      const numbers = turns.map(({ turn }) => turn?.number ?? 0);
      const order = [...numbers].sort((one, other) => one - other).map((number) => numbers.indexOf(number));
      expect(order).toEqual([0, 3, 1, 4, 2]);
    });

    test("whoever gives up is not waited for", async () => {
      const process = around(store);
      const [one, two, three] = [process(), process(), process()];
      const first = await begun(one);
      const abort = new AbortController();
      const second = speak(two, { signal: abort.signal });
      await pass(20);
      const third = speak(three);
      await pass(20);
      abort.abort(new Error("The page is gone."));
      await expect(second.result).rejects.toThrow("The page is gone.");
      first.end.resolve("said");
      await pass(100);
      expect(third.turn).toBeDefined();
    });

    test("nor is a process of which several give up at once", async () => {
      const process = around(store);
      const [one, two, three] = [process(), process(), process()];
      const first = await begun(one);
      const abort = new AbortController();
      const gone = [1, 2, 3].map(() => speak(two, { signal: abort.signal }));
      await pass(20);
      const third = speak(three);
      await pass(20);
      abort.abort(new Error("The page is gone."));
      await Promise.allSettled(gone.map(({ result }) => result));
      first.end.resolve("said");
      await pass(100);
      expect(third.turn).toBeDefined();
    });

    test("whoever gives up keeps the place for who comes behind it", async () => {
      const process = around(store);
      const [one, two, three] = [process(), process(), process()];
      const first = await begun(one);
      const abort = new AbortController();
      const gone = speak(two, { signal: abort.signal });
      await pass(20);
      const [next, last] = [speak(two), speak(three)];
      await pass(20);
      abort.abort(new Error("The page is gone."));
      await gone.result.catch(() => undefined);
      first.end.resolve("said");
      await pass(100);
      expect([next.turn !== undefined, last.turn]).toEqual([true, undefined]);
    });

    test("a process that stops is not waited for", async () => {
      const process = around(store);
      const [one, two, three] = [process(), process(), process()];
      const first = await begun(one);
      const second = speak(two);
      await pass(20);
      const third = speak(three);
      await pass(20);
      await soon(two.dispatcher.stop());
      await expect(second.result).rejects.toMatchObject({ code: "closed" });
      first.end.resolve("said");
      await pass(100);
      expect(third.turn).toBeDefined();
    });

    test("nor is one that has told so when it has stopped, and is closed at once", async () => {
      const process = around(store);
      const [one, two, three] = [process(), process(), process()];
      const first = await begun(one);
      const gone = [1, 2].map(() => speak(two));
      await pass(20);
      const third = speak(three);
      await pass(20);
      const stopped = two.dispatcher.stop().then(() => two.tasks.close());
      await Promise.allSettled(gone.map(({ result }) => result));
      await soon(stopped);
      first.end.resolve("said");
      await pass(100);
      expect(third.turn).toBeDefined();
    });

    test("one that has died is waited for for some seconds", async () => {
      const process = around(store);
      const mortal = faultyStore(store);
      const [one, two, three] = [process(), around(mortal)(), process()];
      const first = await begun(one);
      speak(two);
      await pass(20);
      const third = speak(three);
      await pass(20);
      cutOff(mortal);
      first.end.resolve("said");
      await pass(1_000);
      expect(third.turn).toBeUndefined();
      await pass(5_000);
      expect(third.turn).toBeDefined();
    });

    test("refusing takes nobody's place", async () => {
      const process = around(store);
      const [one, two, three] = [process(), process(), process()];
      const first = await begun(one);
      const second = speak(two);
      await pass(20);
      first.end.resolve("said");
      const third = speak(three, { whenBusy: "refuse" });
      await pass(100);
      await expect(third.result).rejects.toMatchObject({ code: "busy" });
      expect(second.turn).toBeDefined();
    });
  },
);

describe.each(STORES)("rule 20: a turn that is lost before it begins, on $name", ({ makeStore }) => {
  test("is asked for again, and what waited has lost nothing", async () => {
    const store = faultyStore(makeStore());
    const process = around(store)({ dispatcher: { leaseMs: 1_000 } });
    const { id } = await complete(process.tasks);
    store.next("hold", arrivesAfter(1_500));
    const spoken = speak(process);
    await pass(1_700);
    expect(spoken.turn?.followUps.map((followUp) => followUp.id)).toEqual([id]);
    const record = await soon(store.get({ userId: ADA.userId }, id));
    expect(record?.followUp).toMatchObject({ status: "claimed", attempts: 0, holds: 1 });
  });

  test("is asked for again where it is ended by hand, too", async () => {
    const store = faultyStore(makeStore());
    const process = around(store)({ dispatcher: { leaseMs: 1_000 } });
    const { id } = await complete(process.tasks);
    store.next("hold", arrivesAfter(1_500));
    const beginning = process.dispatcher.begin(ADA);
    await pass(1_700);
    const turn = await soon(beginning);
    turn.throwIfLost();
    expect([turn.signal.aborted, turn.followUps.map((followUp) => followUp.id)]).toEqual([false, [id]]);
    await soon(turn.end());
    const record = await soon(store.get({ userId: ADA.userId }, id));
    expect(record?.followUp.status).toBe("delivered");
  });

  test("waits no longer for a store that fails meanwhile than any other", async () => {
    const store = faultyStore(makeStore());
    const process = around(store)({ dispatcher: { leaseMs: 1_000 } });
    await complete(process.tasks);
    store.next("hold", arrivesAfter(1_500), rejects);
    store.always("settle", neverAnswers);
    const spoken = speak(process);
    await pass(5_000);
    expect(spoken.turn?.followUps).toEqual([]);
    store.always("settle");
    spoken.end.resolve("said");
    await soon(spoken.result);
  });

  test("is given up when the time is over for which the session is waited for", async () => {
    const store = faultyStore(makeStore());
    const process = around(store)({ dispatcher: { leaseMs: 1_000 } });
    store.always("hold", arrivesAfter(1_500));
    const spoken = speak(process, { maxWaitMs: 4_000 });
    await pass(8_000);
    expect(spoken.turn).toBeUndefined();
    await expect(soon(spoken.result)).rejects.toMatchObject({ code: "busy" });
  });
});
