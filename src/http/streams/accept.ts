/** Whether a client would have a stream: it names the type, and JSON not before it. */
export function wantsStream({ headers }: Request): boolean {
  const ranges = (headers.get("Accept") ?? "").split(",").map(rangeOf);
  const weightOf = (type: string) => ranges.find((range) => range.type === type)?.weight ?? 0;
  const weight = weightOf("text/event-stream");
  return weight > 0 && weight >= weightOf("application/json");
}

function rangeOf(text: string): { type: string; weight: number } {
  const [type = "", ...parameters] = text.split(";").map((part) => part.trim().toLowerCase());
  const weight = parameters.find((parameter) => parameter.startsWith("q="));
  return { type, weight: weight === undefined ? 1 : Number(weight.slice(2)) };
}
