import { needed, option, readOptions, type Table } from "../../core/values/options.ts";
import { metadata, middleware, type OffloadTerms, type ScopeFor, scopeOfCalls } from "../shared/options.ts";

/** The options of {@link offloadTools} and {@link offloadingTool}. */
export interface OffloadToolsOptions<Context = unknown> extends OffloadTerms<Context> {
  /** Whose calls they are, or what tells it from the `context` that was given to `run`. */
  scope: ScopeFor<Context>;
}

const OFFLOAD_TOOLS = {
  offload: needed(middleware("run")),
  scope: needed(scopeOfCalls),
  metadata: option(metadata),
} satisfies Table<OffloadToolsOptions>;

/** The same, of whatever context. @throws `invalid_option`, naming the option and its value */
export function offloadTerms<Context>(options: OffloadToolsOptions<Context>): OffloadToolsOptions {
  return readOptions(OFFLOAD_TOOLS, options);
}
