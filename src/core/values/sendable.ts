/** Text on its way to a model: it stands in the conversation from then on, and each later turn sends and keeps it. */

/** Model APIs refuse lone surrogates and databases NUL: each becomes U+FFFD, so that no offset moves. */
export function sendable(text: string): string {
  return text.toWellFormed().replaceAll("\0", "\uFFFD");
}

/** The same of every text in plain JSON, names of properties among them. */
export function sendableJson<T>(value: T): T {
  if (typeof value === "string") return sendable(value) as T;
  if (Array.isArray(value)) return value.map(sendableJson) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [sendable(key), sendableJson(inner)]),
  ) as T;
}
