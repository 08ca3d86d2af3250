import { createTaskHandler } from "tool-offload/http";
import * as z from "zod";
import { userOf } from "../../../lib/session";
import { tasks, writeReport } from "../../../lib/tasks";

const handler = createTaskHandler({
  tasks,
  authenticate: userOf,
  allowCancel: true,
  tools: {
    report: {
      description: "Writes a report, page by page.",
      schema: z.object({ pages: z.number().int().min(1) }),
      execute: writeReport,
    },
  },
});

export const GET = handler;
export const POST = handler;
