/**
 * A regular expression engine that counts its steps: it backtracks as those of JavaScript do, so what takes steps out of
 * proportion here takes time out of proportion there. It knows what the library's own patterns need.
 */

/** Runs something with this engine in place of the native one. The steps are those of each pattern, by its source. */
export function countSteps<R>(run: () => R): { result: R; steps: Map<string, number> } {
  const native = RegExp.prototype.exec;
  const counts = new Map<string, number>();
  // Under the engine's own feet the native one works on.
  let isInside = false;
  RegExp.prototype.exec = function (this: RegExp, text: string) {
    if (isInside) return native.call(this, text);
    isInside = true;
    try {
      const key = `${this.flags}/${this.source}`;
      const program = programs.get(key) ?? compile(this);
      programs.set(key, program);
      const before = steps;
      const found = search(this, program, String(text));
      counts.set(this.source, (counts.get(this.source) ?? 0) + steps - before);
      return found;
    } finally {
      isInside = false;
    }
  };
  try {
    return { result: run(), steps: counts };
  } finally {
    RegExp.prototype.exec = native;
  }
}

let steps = 0;
const programs = new Map<string, Program>();

interface State {
  readonly text: string;
  readonly groups: (string | undefined)[];
}
type Next = (at: number) => boolean;
type Match = (state: State, at: number, next: Next) => boolean;

interface Node {
  readonly match: Match;
  /** How many code units it takes at most. */
  readonly width: number;
  /** What tells whether it takes a character: such a one is repeated without recursion. */
  readonly takes?: (character: string) => boolean;
  /** What tells whether it can begin with a character. */
  readonly begins?: ((character: string) => boolean) | undefined;
}

interface Program {
  readonly node: Node;
  readonly names: Map<string, number>;
  readonly count: number;
}

function search(regexp: RegExp, { node, names, count }: Program, text: string): RegExpExecArray | null {
  const isMoving = regexp.global || regexp.sticky;
  for (let at = isMoving ? regexp.lastIndex : 0; at <= text.length; at += 1) {
    const state: State = { text, groups: Array(count + 1).fill(undefined) };
    let end = -1;
    const done = (reached: number) => {
      end = reached;
      return true;
    };
    if (node.match(state, at, done)) {
      if (isMoving) regexp.lastIndex = end;
      state.groups[0] = text.slice(at, end);
      const groups =
        names.size === 0
          ? undefined
          : Object.fromEntries([...names].map(([name, index]) => [name, state.groups[index]]));
      return Object.assign(state.groups, { index: at, input: text, groups }) as unknown as RegExpExecArray;
    }
    if (regexp.sticky) break;
  }
  if (isMoving) regexp.lastIndex = 0;
  return null;
}

function compile({ source, flags }: RegExp): Program {
  const names = new Map<string, number>();
  let at = 0;
  let count = 0;

  const alternatives = (): Node => {
    const options = [sequence()];
    while (source[at] === "|") {
      at += 1;
      options.push(sequence());
    }
    if (options.length === 1) return options[0] as Node;
    const match: Match = (state, from, next) =>
      options.some((option) => canBegin(option, state.text[from]) && option.match(state, from, next));
    const isSingle = options.every(({ takes }) => takes);
    const takes = (character: string) => options.some((option) => option.takes?.(character));
    return { match, width: Math.max(...options.map(({ width }) => width)), ...(isSingle && { takes }) };
  };

  const sequence = (): Node => {
    const parts: Node[] = [];
    while (at < source.length && source[at] !== "|" && source[at] !== ")") parts.push(repeated(atom()));
    if (parts.length === 1) return parts[0] as Node;
    const match: Match = (state, from, next) => {
      const go = (index: number, reached: number): boolean => {
        const part = parts[index];
        return part === undefined ? next(reached) : part.match(state, reached, (end) => go(index + 1, end));
      };
      return go(0, from);
    };
    const begins = parts[0]?.takes ?? parts[0]?.begins;
    return { match, width: parts.reduce((sum, { width }) => sum + width, 0), begins };
  };

  const repeated = (node: Node): Node => {
    const [whole, sign, from, comma, to, lazy] =
      /^(?:([*+?])|\{(\d+)(,?)(\d*)\})(\??)/.exec(source.slice(at)) ?? [];
    if (whole === undefined) return node;
    at += whole.length;
    const least = from === undefined ? (sign === "+" ? 1 : 0) : Number(from);
    const most = sign === "?" ? 1 : from === undefined ? Infinity : comma ? Number(to || Infinity) : least;
    const match = node.takes
      ? repeatTaking(node.takes, least, most, lazy === "?")
      : repeatAny(node, least, most, lazy === "?");
    return { match, width: node.width * most, begins: least > 0 ? (node.takes ?? node.begins) : undefined };
  };

  const group = (): Node => {
    const [whole = "(", kind = ""] = /^\((\?(?::|[=!]|<[=!]|<\w+>))?/.exec(source.slice(at)) ?? [];
    at += whole.length;
    const name = /^\?<(\w+)>/.exec(kind)?.[1];
    const isKept = kind === "" || name !== undefined;
    if (isKept) count += 1;
    const index = isKept ? count : 0;
    if (name !== undefined) names.set(name, index);
    const inner = alternatives();
    at += 1;
    if (kind.startsWith("?<=") || kind.startsWith("?<!")) return behind(inner, kind === "?<=");
    if (kind === "?=" || kind === "?!") return ahead(inner, kind === "?=");
    if (index === 0) return inner;
    const match: Match = (state, from, next) => {
      const before = state.groups[index];
      const done = inner.match(state, from, (end) => {
        const own = state.groups[index];
        state.groups[index] = state.text.slice(from, end);
        if (next(end)) return true;
        state.groups[index] = own;
        return false;
      });
      if (!done) state.groups[index] = before;
      return done;
    };
    return { match, width: inner.width, begins: inner.takes ?? inner.begins };
  };

  const atom = (): Node => {
    const rest = source.slice(at);
    if (rest[0] === "(") return group();
    const [whole = ""] =
      /^(?:\[(?:\\.|[^\]\\])*\]|\\k<\w+>|\\p\{\w+\}|\\u[\da-f]{4}|\\.|[\s\S])/.exec(rest) ?? [];
    at += whole.length;
    if (whole === "^") return edge((_, from) => from === 0);
    if (whole === "$") return edge(({ text }, from) => from === text.length);
    if (whole === "\\b") return edge(({ text }, from) => isWord(text[from - 1]) !== isWord(text[from]));
    const back = /^\\(?:k<(\w+)>|(\d))$/.exec(whole);
    if (back) return reference(back[1] === undefined ? Number(back[2]) : (names.get(back[1]) ?? 0));
    const one = new RegExp(`^(?:${whole})$`, flags.replace(/[^iu]/g, ""));
    const known = new Map<string, boolean>();
    return taking((character) => {
      const takes = known.get(character) ?? one.test(character);
      known.set(character, takes);
      return takes;
    });
  };

  const node = alternatives();
  return { node, names, count };
}

function canBegin({ begins }: Node, character: string | undefined): boolean {
  steps += 1;
  return begins === undefined || (character !== undefined && begins(character));
}

function taking(takes: (character: string) => boolean): Node {
  const match: Match = ({ text }, from, next) => {
    steps += 1;
    const character = text[from];
    return character !== undefined && takes(character) && next(from + 1);
  };
  return { match, width: 1, takes };
}

function edge(holds: (state: State, at: number) => boolean): Node {
  const match: Match = (state, from, next) => {
    steps += 1;
    return holds(state, from) && next(from);
  };
  return { match, width: 0 };
}

function reference(index: number): Node {
  const match: Match = ({ text, groups }, from, next) => {
    const wanted = groups[index] ?? "";
    let same = 0;
    while (same < wanted.length && text[from + same] === wanted[same]) same += 1;
    steps += same + 1;
    return same === wanted.length && next(from + same);
  };
  return { match, width: Infinity };
}

function ahead(inner: Node, wanted: boolean): Node {
  return edge((state, from) => inner.match(state, from, () => true) === wanted);
}

function behind(inner: Node, wanted: boolean): Node {
  return edge((state, at) => {
    for (let from = at; from >= Math.max(0, at - inner.width); from -= 1)
      if (inner.match(state, from, (end) => end === at)) return wanted;
    return !wanted;
  });
}

function repeatTaking(
  takes: (character: string) => boolean,
  least: number,
  most: number,
  isLazy: boolean,
): Match {
  const canTake = (text: string, at: number) => {
    steps += 1;
    const character = text[at];
    return character !== undefined && takes(character);
  };
  return ({ text }, from, next) => {
    let end = from;
    if (isLazy) {
      for (; ; end += 1) {
        if (end - from >= least && next(end)) return true;
        if (end - from >= most || !canTake(text, end)) return false;
      }
    }
    while (end - from < most && canTake(text, end)) end += 1;
    for (; end - from >= least; end -= 1) {
      steps += 1;
      if (next(end)) return true;
    }
    return false;
  };
}

function repeatAny(node: Node, least: number, most: number, isLazy: boolean): Match {
  return (state, from, next) => {
    const go = (count: number, at: number): boolean => {
      steps += 1;
      const more = () =>
        count < most && node.match(state, at, (end) => (end > at || count < least) && go(count + 1, end));
      if (count < least) return more();
      return isLazy ? next(at) || more() : more() || next(at);
    };
    return go(0, from);
  };
}

function isWord(character: string | undefined): boolean {
  return character !== undefined && /\w/.test(character);
}
