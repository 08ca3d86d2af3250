import { refuseWrapped, wrapped } from "../../core/model/wrapped.ts";
import { invalidOption } from "../../core/values/validate.ts";

/**
 * The same tools by the same names, each as `wrap` makes it.
 *
 * @throws `invalid_option` for what is no tool, and for one that is wrapped already
 */
export function eachTool<Tool extends object>(
  tools: Readonly<Record<string, Tool>>,
  wrap: (name: string, tool: Tool) => Tool,
): Record<string, Tool> {
  if (typeof tools !== "object" || tools === null || Array.isArray(tools)) {
    throw invalidOption("tools", "an object of tools by their names", tools);
  }
  const made = Object.entries(tools).map(([name, tool]) => {
    if (typeof tool !== "object" || tool === null) throw invalidOption(`tools.${name}`, "a tool", tool);
    refuseWrapped(`tools.${name}`, tool);
    return [name, wrap(name, tool)];
  });
  return Object.fromEntries(made);
}

/**
 * A wrapped tool: like the one that is given, with what it inherits, but for these properties. The private fields of
 * a class are in its instance alone, so getters and methods are those of the tool itself.
 */
export function doubleOf<Tool extends object>(tool: Tool, own: Partial<Tool>): Tool {
  const double = Object.create(Object.getPrototypeOf(tool), mirrorOf(tool));
  for (const [key, value] of Object.entries(own)) define(double, key, value);
  return wrapped(double);
}

const KEPT = Symbol.for("tool-offload.kept");

/** All that a tool has and inherits. It is read where it is asked for, and what is set stays with the double. */
function mirrorOf<Tool extends object>(tool: Tool): PropertyDescriptorMap {
  const mirror: PropertyDescriptorMap = {};
  for (const level of levelsOf(tool).reverse()) {
    for (const key of Reflect.ownKeys(level) as (keyof Tool & string)[]) {
      if (key === "constructor") continue;
      const { value, enumerable } = Object.getOwnPropertyDescriptor(level, key) as PropertyDescriptor;
      const isMethod = typeof value === "function" && level !== tool;
      const bound = isMethod ? value.bind(tool) : undefined;
      mirror[key] = {
        get: () => bound ?? tool[key],
        set(this: object, changed: unknown) {
          define(this, key, changed);
        },
        enumerable: enumerable === true,
        configurable: true,
      };
    }
  }
  return mirror;
}

/** A tool and the prototypes that it has of its classes: all but the root, which every object has. */
function levelsOf(tool: object): object[] {
  const levels = [tool];
  let next = Object.getPrototypeOf(tool);
  while (next !== null && Object.getPrototypeOf(next) !== null) {
    levels.push(next);
    next = Object.getPrototypeOf(next);
  }
  return levels;
}

function define(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}

/** A tool that is never offloaded, and says so. */
export function kept<Tool extends object>(tool: Tool): Tool {
  return Object.assign(tool, { [KEPT]: true });
}

export function isKept(tool: object): boolean {
  return KEPT in tool;
}
