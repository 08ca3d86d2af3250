import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const BUILD_MS = 2_500;

/** A build service, as it might run somewhere else: it does not care who asks, or who has died meanwhile. */
export interface CiServer {
  url: string;
  /** The keys under which builds were started. */
  readonly started: readonly string[];
  close(): void;
}

export async function startCiServer(): Promise<CiServer> {
  const builds = new Map<string, { branch: string; readyAt: number }>();
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
    const answer = (body: unknown) => response.end(JSON.stringify(body));
    if (request.method === "POST") {
      // A repeated key starts no second build.
      const key = searchParams.get("key") ?? "";
      const branch = searchParams.get("branch") ?? "";
      if (!builds.has(key)) builds.set(key, { branch, readyAt: Date.now() + BUILD_MS });
      return answer({ id: key });
    }
    const build = builds.get(pathname.slice("/builds/".length));
    const isReady = build !== undefined && Date.now() >= build.readyAt;
    return answer(isReady ? { state: "done", artifact: `${build.branch}.tar` } : { state: "building" });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    get started() {
      return [...builds.keys()];
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
