/** Where secrets stand without a telling key: each a pattern, of which the first group is to be seen. */

import { JWT, TOKEN_BEGINNINGS, TOKEN_REST } from "./token-shapes.ts";

export const PLACES: readonly RegExp[] = [
  // A private key, to its end or the text's.
  /()-----BEGIN [\w ]{0,40}PRIVATE KEY[\s\S]*?(?:END [\w ]{0,40}PRIVATE KEY[A-Z -]{0,20}|$)/g,
  new RegExp(`()(?<![A-Za-z\\d])(?:(?:${TOKEN_BEGINNINGS.join("|")})${TOKEN_REST}|${JWT})`, "g"),
  // Credentials in a URL: up to its host, or where they have a "/" in them, up to the last "@" before the next URL.
  /(:\/\/)(?:[^\s/?#"'<>]*|[^\s/:?#@"'<>[]*:(?!\d{1,5}(?:[/?#\s]|$))(?:(?!:\/\/)[^\s"'<>@])*)(?=@)/g,
  // And of Go, which has no "//".
  /(\w:)[^\s:@]+(?=@(?:tcp|unix)\()/g,
  // Web hooks: who knows the URL may post.
  /(\/\/hooks?\.[\w.]+\/|\/(?:with\/key|(?:web)?hook\w{0,3})\/(?=[^\s"'<>]{0,60}\d))[^\s"'<>]{6,}/g,
  // What follows `-u` of docker is a user and a group.
  /((?<![\w-])(?:-[uU]|--(?:proxy-)?user)(?:[ \t]+|=)?(?<quote>\\{0,8}["'`])[^\s:%"'`]*[:%])(?:(?!\k<quote>)[\s\S])+/g,
  /((?<![\w-])(?:-[uU]|--(?:proxy-)?user)(?:[ \t]+|=|["'],[ \t]?["'])?(?!\d+:\d+(?!\S)|\w+:\/\/)[^\s:%"'`]*[:%])[^\s"'`]+/g,
  /(\b(?:sshpass|redis-cli|my\w+|mongo\w*|login|7z|zip)\b[^\n|;]{0,200}? -[apP] ?)(?!\d{1,5}\b)(?:"[^"]*"?|'[^']*'?|[^\s"']+)/g,
  /(\bidentified\b[^'"]{0,60}\bby \\?)(?:"[^"]*"?|'[^']*'?)/gi,
  // What stands in headers.
  /(\b[Bb]asic[ \t]+)(?=[\w+/]{0,100}(?:[a-z][A-Z]|\d|=))[\w+/]{6,}=*/g,
  /(\bbearer[ \t]+)(?!(?:token|auth\w*|realm|is|in)\b(?![.\w-]))[^\s"',;]+/gi,
];
