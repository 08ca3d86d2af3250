const users = new Map([
  ["ada-session", { userId: "ada" }],
  ["bob-session", { userId: "bob" }],
]);

/** Whose request it is, by its cookie. Look into your own sessions here. */
export function userOf(request: Request) {
  const [, session = ""] = /(?:^|; )session=([^;]*)/.exec(request.headers.get("Cookie") ?? "") ?? [];
  return users.get(session);
}
