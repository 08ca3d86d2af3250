import { type AgentMiddleware, createMiddleware } from "langchain";
import { offloadedCalls } from "./call.ts";
import { type OffloadOptions, offloadTerms } from "./options.ts";

/** What {@link offloadMiddleware} makes: it adds nothing to an agent's state, context or tools. */
export type OffloadMiddleware = AgentMiddleware<undefined, undefined, unknown, readonly [], readonly []>;

/**
 * Middleware for `createAgent`. Each tool call is raced against its timeout: a fast one is as if nothing had been
 * there, and a slow one goes on as a task, with a placeholder for the model. Beside `followUpInterrupts`, late results
 * may go into the turn that is running.
 *
 * List it first: what other middleware does with a call is then part of the task. Middleware listed before it sees a
 * `MiddlewareError`, whose `cause.toolError` is what the tool threw. A tool that only other
 * middleware knows is offloaded where that one comes before. A tool gets a signal of its own, which outlives the
 * turn. `returnDirect` does not end a turn with a placeholder. What acts on the run itself works until the
 * hand-over: after it, `interrupt()` or a `Command` as the answer fails the task.
 *
 * @throws `invalid_option`, naming the option and its value; in a run, where nothing says whose calls they are
 *
 * @example
 * ```ts
 * import { setTimeout as sleep } from "node:timers/promises";
 * import { AIMessage, createAgent, fakeModel, HumanMessage, tool } from "langchain";
 * import { BackgroundTaskManager, ToolOffloadMiddleware } from "tool-offload";
 * import { offloadMiddleware } from "tool-offload/adapters/langchain";
 * import * as z from "zod";
 *
 * const tasks = new BackgroundTaskManager();
 * const offload = new ToolOffloadMiddleware({ tasks, timeoutMs: 50 });
 *
 * const report = tool(() => sleep(1_000, "12 pages"), { name: "report", schema: z.object({}) });
 * const model = fakeModel()
 *   .respondWithTools([{ name: "report", args: {} }])
 *   .respond(new AIMessage("The report is being written."));
 * const agent = createAgent({ model, tools: [report], middleware: [offloadMiddleware({ offload })] });
 *
 * const config = { configurable: { user_id: "ada", thread_id: "thread-1" } };
 * const { messages } = await agent.invoke({ messages: [new HumanMessage("Write it.")] }, config);
 * console.log(messages.at(-1)?.text); // "The report is being written."
 * console.log((await tasks.list({ userId: "ada" })).tasks[0]?.status); // "running"
 * await tasks.close();
 * ```
 */
export function offloadMiddleware(options: OffloadOptions): OffloadMiddleware {
  return createMiddleware({ name: "ToolOffload", wrapToolCall: offloadedCalls(offloadTerms(options)) });
}
