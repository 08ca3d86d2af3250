import type { FollowUpMarker, FollowUpMessage } from "../../follow-up/message.ts";
import { asMarker } from "../shared/follow-ups.ts";
import { addressOf, carried } from "../shared/views.ts";
import type { FollowUpItem } from "./like.ts";

/**
 * A delivery as the input of a turn: one user's message, with its marker.
 *
 * @example
 * ```ts
 * import { followUpOf, toInput } from "tool-offload/adapters/openai-agents";
 *
 * const marker = { type: "tool-offload.follow-up" as const, tasks: [] };
 * const [item] = toInput({ message: { text: "Results of background tasks. …", marker } });
 * console.log(item?.role, followUpOf(item)?.type); // user tool-offload.follow-up
 * ```
 */
export function toInput({ message }: { message: FollowUpMessage }): FollowUpItem[] {
  return [{ role: "user", content: contentOf(message), providerData: { [MARKER_KEY]: message.marker } }];
}

function contentOf({ text, media }: FollowUpMessage): FollowUpItem["content"] {
  const images = carried(media);
  if (images.length === 0) return text;
  const items = images.map((part) => ({ type: "input_image" as const, image: addressOf(part) }));
  return [{ type: "input_text", text }, ...items];
}

/**
 * The marker of an item that brings late results: which tasks it tells of. `undefined` for every other item:
 * those the user or the model has written.
 *
 * @example
 * ```ts
 * import { followUpOf } from "tool-offload/adapters/openai-agents";
 *
 * console.log(followUpOf({ role: "user", content: "Hello." })); // undefined
 * ```
 */
export function followUpOf(item: unknown): FollowUpMarker | undefined {
  const { providerData } = (item ?? {}) as { providerData?: Record<string, unknown> };
  return asMarker(providerData?.[MARKER_KEY]);
}

/**
 * Under this key of an item's `providerData`. What stands there goes to the provider with the message, who
 * refuses what it does not know; of a user's message the framework's models leave this one out.
 */
const MARKER_KEY = "phase";
