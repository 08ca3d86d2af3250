import * as z from "zod";

/** What every tool here has, whatever it does. */
interface Tool<Input, Answer> {
  name: string;
  inputSchema: z.ZodType;
  execute(input: Input): Promise<Answer>;
}

/**
 * The model of this example. It is scripted: none can be asked offline, so what it calls is written down in
 * main.ts. Its calls go the way of a real one's: out as JSON, and their answers come back as JSON.
 */
export async function callTool<Input, Answer>(tool: Tool<Input, Answer>, input: Input): Promise<Answer> {
  console.log(`\nmodel calls ${tool.name} ${JSON.stringify(input)}`);
  const answer = JSON.stringify(await tool.execute(JSON.parse(JSON.stringify(input))));
  console.log(`  gets ${answer.length > 300 ? `${answer.slice(0, 300)}…` : answer}`);
  return JSON.parse(answer);
}

/** What a framework would send to a model's provider, so that it knows the tool. */
export function introduce({
  name,
  description,
  inputSchema,
}: { description?: string | undefined } & Pick<Tool<never, never>, "name" | "inputSchema">) {
  return { name, description, parameters: z.toJSONSchema(inputSchema, { io: "input" }) };
}
