import { signal } from "@preact/signals";
import { type Offer, readOffer } from "./api.ts";

/** What the handler lets this user do. */
export const offer = signal<Offer>({ cancel: false, create: false });

export async function learnOffer(): Promise<void> {
  offer.value = await readOffer();
}
