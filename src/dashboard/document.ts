import { script, scriptHash, style, styleHash } from "embedded:src/dashboard/app/main.tsx";
import type { PageSettings } from "./options.ts";

/** The one document. It holds no data: what it shows it asks of the API, as whoever looks at it. */
export function documentFor({ apiPath }: PageSettings): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Background tasks</title>
<link rel="icon" href="${ICON}">
<style>${style}</style>
</head>
<body data-api="${escaped(apiPath)}">
<noscript>This page needs JavaScript.</noscript>
<script type="module">${script}</script>
</body>
</html>
`;
}

/** Nothing but this script and this style, and no other server. */
export function policyFor({ frameAncestors }: PageSettings): string {
  return Object.entries({
    "default-src": "'none'",
    "script-src": `'${scriptHash}'`,
    "style-src": `'${styleHash}'`,
    "connect-src": "'self'",
    "img-src": "data:",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": frameAncestors.length === 0 ? "'none'" : frameAncestors.join(" "),
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
  })
    .map(([directive, sources]) => `${directive} ${sources}`)
    .join("; ");
}

const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Ccircle cx='16' cy='16' r='13' fill='none' stroke='%232f6bea' stroke-width='4'/%3E%3Cpath d='M16 9v7l5 4' fill='none' stroke='%232f6bea' stroke-width='3' stroke-linecap='round'/%3E%3C/svg%3E";

function escaped(text: string): string {
  return text.replace(/[&"<>]/g, (mark) => `&#${mark.charCodeAt(0)};`);
}
