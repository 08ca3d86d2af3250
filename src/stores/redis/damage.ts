import type { Damage } from "../../core/model/store.ts";
import { taskNamed } from "./names.ts";

/** What scripts tell of damaged tasks: of each its name, where it stands now, and why. */
export function readDamages(flat: readonly string[]): Damage[] {
  const damages: Damage[] = [];
  for (let index = 0; index < flat.length; index += 3) {
    const [name = "", place = "", reason = ""] = flat.slice(index, index + 3);
    damages.push(damageOf(name, place, reason));
  }
  return damages;
}

/** The one that was asked for: where it stands, and why, a line each. */
export function readRefusal(name: string, refused: string): Damage {
  const cut = refused.lastIndexOf("\n");
  return damageOf(name, refused.slice(0, cut), refused.slice(cut + 1));
}

/** What belongs to no task has no name. */
function damageOf(name: string, place: string, reason: string): Damage {
  if (name === "") return { userId: null, taskId: null, place, reason };
  const { userId, id } = taskNamed(name);
  return { userId, taskId: id, place, reason };
}
