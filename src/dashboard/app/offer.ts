import { signal } from "@preact/signals";
import { type Offer, readOffer } from "./api.ts";

/** What the handler lets this user do. */
export const offer = signal<Offer>({ cancel: false, create: false });

const AGAIN_MS = 5_000;
let again: ReturnType<typeof setTimeout> | undefined;

/** Asks until the handler can say. */
export async function learnOffer(): Promise<void> {
  clearTimeout(again);
  const found = await readOffer();
  if (found) offer.value = found;
  else again = setTimeout(learnOffer, AGAIN_MS);
}
