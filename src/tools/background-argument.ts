import * as z from "zod";
import { checkVersion } from "../core/copies.ts";
import type { ToolOffloadMiddleware } from "../core/middleware.ts";
import type { OffloadOutcome, ToolCall, ToolContext } from "../core/model/call.ts";
import type { ToolView } from "../core/model/view.ts";
import { refuseWrapped, wrapped } from "../core/model/wrapped.ts";
import { checkFunction, invalidOption } from "../core/values/validate.ts";
import { lenient } from "./lenient.ts";

/** A tool whose input a `z.object()` of zod 4 describes. */
export interface ToolWithSchema<Shape extends z.ZodRawShape, Config extends z.core.$ZodObjectConfig, R> {
  name: string;
  description?: string | undefined;
  inputSchema: z.ZodObject<Shape, Config>;
  execute(input: z.output<z.ZodObject<Shape, Config>>, context: ToolContext): R;
  /** How it shows its result to the model, if a call does not say it. @default the result as it is */
  view?: ToolView | undefined;
}

/** The same tool for the model, which may say where a call runs. */
export interface BackgroundTool<Shape extends z.ZodRawShape, Config extends z.core.$ZodObjectConfig, R> {
  name: string;
  description?: string | undefined;
  inputSchema: Extended<Shape, Config>;
  /**
   * Runs one call through the middleware. `input` is what `inputSchema` has made of the model's: frameworks
   * see to that before they call a tool, and it must not happen twice.
   *
   * @throws what `run` of the middleware throws
   */
  execute(
    input: z.output<Extended<Shape, Config>>,
    call: Omit<ToolCall, "toolName" | "input">,
  ): Promise<OffloadOutcome<Awaited<R>>>;
}

/**
 * Lets the model choose: the tool's schema gets an optional `run_in_background`, and a call with `true` starts
 * as a task. The tool itself never sees the argument. Where the middleware's `tools` option says
 * `mode: "never"`, it does nothing.
 *
 * @param offload a ToolOffloadMiddleware, or whatever runs a call as its `run` does
 * @throws `invalid_option` for a tool that has such an argument of its own, whose schema is no `z.object()` of zod 4, or
 * that is wrapped already
 * @example
 * ```ts
 * import { BackgroundTaskManager, ToolOffloadMiddleware } from "tool-offload";
 * import { withBackgroundArgument } from "tool-offload/tools";
 * import * as z from "zod";
 *
 * const offload = new ToolOffloadMiddleware({ tasks: new BackgroundTaskManager() });
 * const inputSchema = z.object({ branch: z.string() });
 * const execute = async ({ branch }: { branch: string }) => `built ${branch}`;
 * const build = withBackgroundArgument({ name: "build", inputSchema, execute }, offload);
 *
 * const input = build.inputSchema.parse({ branch: "main", run_in_background: true }); // from the model
 * const outcome = await build.execute(input, { scope: { userId: "ada" } });
 * console.log(outcome.status); // "offloaded"
 * ```
 */
export function withBackgroundArgument<
  Shape extends z.ZodRawShape,
  Config extends z.core.$ZodObjectConfig,
  R,
>(
  tool: ToolWithSchema<Shape, Config, R>,
  offload: Pick<ToolOffloadMiddleware, "run">,
): BackgroundTool<Shape, Config, R> {
  const { name, description, inputSchema, view: own } = checkedTool(tool);
  checkVersion("offload", offload);
  checkFunction("offload.run", offload?.run);
  type Input = z.output<typeof inputSchema>;
  const execute = (input: Input, context: ToolContext) => tool.execute(input, context);
  return {
    name,
    description,
    inputSchema: extended(inputSchema) as Extended<Shape, Config>,
    execute: wrapped(async (given, call) => {
      const { [ARGUMENT]: wanted, ...input } = given as Record<string, unknown>;
      const background = wanted === true || call.background;
      const view = call.view ?? own;
      return offload.run({ ...call, background, toolName: name, input: input as Input, view }, execute);
    }),
  };
}

const ARGUMENT = "run_in_background";

const argument = lenient(
  z
    .boolean()
    .optional()
    .describe(
      "true: start this call in the background and go on at once. You get the id of a task, and the result " +
        "arrives by itself in a later message. Use it for work that takes long and that nothing you do next " +
        "depends on. Leave it out otherwise: a call that turns out slow goes to the background by itself.",
    ),
);

type Extended<Shape extends z.ZodRawShape, Config extends z.core.$ZodObjectConfig> = z.ZodObject<
  z.core.util.Extend<Shape, { [ARGUMENT]: typeof argument }>,
  Config
>;

/** Strict stays strict, loose stays loose, and refinements hold; only a description would get lost. */
function extended(schema: z.ZodObject): z.ZodObject {
  const { description } = schema;
  const extended = schema.extend({ [ARGUMENT]: argument });
  return description === undefined ? extended : extended.describe(description);
}

function checkedTool<Tool extends { inputSchema: z.ZodObject; execute: unknown }>(tool: Tool): Tool {
  if (typeof tool !== "object" || tool === null) throw invalidOption("tool", "an object", tool);
  const { inputSchema } = tool;
  if (!(inputSchema instanceof z.ZodObject))
    throw invalidOption("inputSchema", "a z.object() of zod 4", inputSchema);
  checkFunction("execute", tool.execute);
  refuseWrapped("tool", tool);
  if (!Object.hasOwn(inputSchema.shape, ARGUMENT)) return tool;
  throw invalidOption("inputSchema", `without a ${ARGUMENT} of its own`, inputSchema);
}
