import { setTimeout as sleep } from "node:timers/promises";
import { overwrite } from "./damage.ts";
import { channelOf, forgedOf, RUBBISH } from "./rubbish.ts";
import { CALM, type Scene, type Trouble } from "./troubles.ts";

const BLOWS = 2;
/** Of so many tasks one is damaged, at each blow half of them. */
const ONE_IN = 50;
const BURSTS = 20;
const BURST_MS = 50;

/** Somebody overwrites records of tasks of which something is still to be told. */
export const damaged: Trouble = {
  pace: CALM,
  share: 0.2,
  async happens(scene) {
    for (let blow = 0; blow < BLOWS; blow += 1) {
      await scene.hit();
      await damageSome(scene);
      await sleep(scene.random() * 800);
    }
  },
};

/** Somebody says things where processes tell each other what they have written: nonsense, and what could be meant. */
export const misled: Trouble = {
  pace: CALM,
  share: 0.2,
  async happens({ place, records, random, hit }) {
    await hit();
    const channel = await channelOf(place);
    for (let burst = 0; burst < BURSTS; burst += 1) {
      const forged = some(await records(), 4, random).flatMap(forgedOf);
      await channel.say([...some(RUBBISH, 3, random), ...forged.map((hint) => JSON.stringify(hint))]);
      await sleep(BURST_MS);
    }
    await channel.close();
  },
};

async function damageSome({ place, victim, damaged, records, random }: Scene): Promise<void> {
  await victim.started;
  const all = await records();
  const untold = all.filter(({ followUp: { status } }) => status !== "delivered" && status !== "dropped");
  for (const record of some(untold, Math.ceil(all.length / ONE_IN / BLOWS), random)) {
    await overwrite(place, record, random());
    damaged.push(record);
  }
}

/** So many of them, at random, each once. */
function some<T>(items: readonly T[], count: number, random: () => number): T[] {
  const left = [...items];
  const taken: T[] = [];
  while (taken.length < count && left.length > 0) {
    taken.push(...left.splice(Math.floor(random() * left.length), 1));
  }
  return taken;
}
