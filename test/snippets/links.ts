import { existsSync } from "node:fs";
import { join, posix } from "node:path";
import { root } from "./extract.ts";

/** The links of some pages that lead nowhere, and the pages that the index of the documentation leaves out. */
export function brokenLinks(pages: ReadonlyMap<string, string>): string[] {
  const broken = [...pages].flatMap(([file, text]) =>
    linksIn(text).flatMap((link) => (exists(link, file, pages) ? [] : [`${file} points at ${link}`])),
  );
  const listed = linksIn(pages.get("docs/README.md") ?? "").map((link) => `docs/${link}`);
  const unlisted = [...pages.keys()].filter(
    (file) => file.startsWith("docs/") && file !== "docs/README.md" && !listed.includes(file),
  );
  return [...broken, ...unlisted.map((file) => `${file} is not in docs/README.md`)];
}

function linksIn(text: string): string[] {
  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link);
  return links.filter((link) => !/^https?:/.test(link));
}

function exists(link: string, from: string, pages: ReadonlyMap<string, string>): boolean {
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? from : posix.join(posix.dirname(from), path);
  const page = pages.get(target);
  if (page === undefined) return anchor === undefined && existsSync(join(root, target));
  return anchor === undefined || headingsOf(page).includes(anchor);
}

function headingsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => slug(heading));
}

/** As GitHub makes it. */
function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\w\s-]/g, "")
    .trim()
    .replaceAll(/\s/g, "-");
}
