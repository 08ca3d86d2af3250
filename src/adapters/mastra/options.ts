import { needed, option, readOptions, type Table } from "../../core/values/options.ts";
import { metadata, middleware, type OffloadTerms, type ScopeFor, scopeOfCalls } from "../shared/options.ts";
import type { ToolContextLike } from "./like.ts";

/**
 * Whose calls they are, or what tells it from the context that a tool's `execute` gets. Without it the run's
 * memory says so: the user is its resource, the session its thread.
 */
export type ScopeOption = ScopeFor<ToolContextLike>;

/** The options of {@link offloadTools}. */
export interface OffloadToolsOptions extends OffloadTerms<ToolContextLike> {
  /** Whose calls they are. Without it: user = resource, session = thread of the run. */
  scope?: ScopeOption | undefined;
}

const OFFLOAD_TOOLS = {
  offload: needed(middleware("run")),
  scope: option(scopeOfCalls),
  metadata: option(metadata),
} satisfies Table<OffloadToolsOptions>;

/** @throws `invalid_option`, naming the option and its value */
export function offloadTerms(options: OffloadToolsOptions): OffloadToolsOptions {
  return readOptions(OFFLOAD_TOOLS, options);
}
