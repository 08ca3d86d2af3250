/** Writes what the client checks responses by, made from the schemas of the handler: `npx tsx scripts/make-client-shapes.ts`. */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { clientShapes } from "./client-shapes.ts";

writeFileSync(fileURLToPath(new URL("../src/client/shapes.ts", import.meta.url)), clientShapes());
