/** The parts of an ESTree node that these rules use. */
export interface Node {
  readonly type: string;
  readonly parent?: Node;
  readonly [field: string]: unknown;
}

export interface Context {
  readonly sourceCode: { isGlobalReference(node: Node): boolean };
  report(finding: { readonly node: Node; readonly message: string }): void;
}

export interface Rule {
  create(context: Context): Readonly<Record<string, (node: Node) => void>>;
}

export interface Ban {
  readonly reason: string;
  /** Globals: `setTimeout`, also as `globalThis.setTimeout`. */
  readonly globals?: readonly string[];
  /** Properties of global objects: `Date.now`, also by destructuring. */
  readonly members?: Readonly<Record<string, readonly string[]>>;
  readonly modules?: RegExp;
  /** `new Date()` and `Date()`, which read the clock; `new Date(ms)` does not. */
  readonly emptyDate?: boolean;
}

/** A rule that reports every use of the names in `bans`, with the reason. */
export function ban(bans: readonly Ban[]): Rule {
  return { create: (context) => visitor(context, bans) };
}

function visitor(context: Context, bans: readonly Ban[]): ReturnType<Rule["create"]> {
  const report = (node: Node, what: string, names: (one: Ban) => boolean | undefined): void => {
    const found = bans.find(names);
    if (found !== undefined) context.report({ node, message: `${what} is banned here: ${found.reason}` });
  };
  const free = (node: Node, name: string): void => report(node, name, (one) => one.globals?.includes(name));
  const member = (node: Node, object: string, property: string): void => {
    if (global.has(object)) free(node, property);
    report(node, `${object}.${property}`, (one) => one.members?.[object]?.includes(property));
  };
  const module = (node: Node): void => {
    const name = (node["source"] as Node | null)?.["value"];
    if (typeof name === "string") report(node, `"${name}"`, (one) => one.modules?.test(name));
  };
  const date = (node: Node): void => {
    const called = node.type === "CallExpression";
    const empty = called || (node["arguments"] as readonly Node[]).length === 0;
    const what = called ? "Date()" : "new Date()";
    if (empty && nameOf(node["callee"]) === "Date") report(node, what, (one) => one.emptyDate);
  };
  return {
    Identifier(node) {
      if (!isTypeQuery(node) && context.sourceCode.isGlobalReference(node))
        free(node, node["name"] as string);
    },
    MemberExpression(node) {
      const [object, property] = [nameOf(node["object"]), propertyOf(node)];
      if (object !== undefined && property !== undefined) member(node, object, property);
    },
    VariableDeclarator(node) {
      const object = nameOf(node["init"]);
      if (object !== undefined) for (const key of destructured(node["id"] as Node)) member(node, object, key);
    },
    ImportDeclaration: module,
    ExportNamedDeclaration: module,
    ExportAllDeclaration: module,
    ImportExpression: module,
    NewExpression: date,
    CallExpression: date,
  };
}

const global = new Set(["globalThis", "global"]);

/** The name of an object as written: `Date`, and `Date` again for `globalThis.Date`. */
function nameOf(value: unknown): string | undefined {
  const node = value as Node | null;
  if (node?.type === "Identifier") return node["name"] as string;
  if (node?.type !== "MemberExpression") return undefined;
  return global.has(nameOf(node["object"]) ?? "") ? propertyOf(node) : undefined;
}

function propertyOf(node: Node): string | undefined {
  const property = node["property"] as Node;
  if (node["computed"] !== true) return property["name"] as string;
  return typeof property["value"] === "string" ? property["value"] : undefined;
}

function destructured(pattern: Node): string[] {
  if (pattern.type !== "ObjectPattern") return [];
  return (pattern["properties"] as readonly Node[])
    .map((property) => (property["key"] as Node | undefined)?.["name"])
    .filter((name) => typeof name === "string");
}

/** A type such as `ReturnType<typeof setTimeout>`, which calls nothing. */
function isTypeQuery(node: Node): boolean {
  return node.parent?.type === "TSTypeQuery";
}
