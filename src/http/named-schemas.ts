import * as z from "zod";

/** Schemas that have a name of their own in what is made of them. It is not zod's global registry: that is the host's. */
export const named = z.registry<{ id: string }>();
