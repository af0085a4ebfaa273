import { type Context, type Node, type Rule } from "./ban.ts";

const reason = "tests do not sleep: advance the virtual clock, or await the event itself.";

/**
 * A sleep is a promise that a timer resolves. Timers that reject (a guard) or end a slow origin's response are allowed,
 * so `setTimeout` itself is not banned.
 */
export const noSleep: Rule = {
  create: (context) => ({
    NewExpression(node) {
      const executor = (node["arguments"] as readonly Node[])[0];
      if ((node["callee"] as Node)["name"] !== "Promise" || executor === undefined) return;
      const resolve = (executor["params"] as readonly Node[] | undefined)?.[0]?.["name"];
      if (typeof resolve === "string") reportTimers(context, executor["body"], resolve);
    },
    ImportDeclaration: (node) => reportModule(context, node),
    ImportExpression: (node) => reportModule(context, node),
    ExportNamedDeclaration: (node) => reportModule(context, node),
    CallExpression(node) {
      const callee = nameOf(node["callee"]);
      const first = nameOf((node["arguments"] as readonly Node[])[0]);
      if (callee === "Atomics.wait" || (callee?.endsWith("promisify") && first === "setTimeout")) {
        context.report({ node, message: `${callee} is banned here: ${reason}` });
      }
    },
  }),
};

function reportModule(context: Context, node: Node): void {
  const name = (node["source"] as Node | null)?.["value"];
  if (name !== "node:timers/promises" && name !== "timers/promises") return;
  context.report({ node, message: `"${name}" is banned here: ${reason}` });
}

function reportTimers(context: Context, within: unknown, resolve: string): void {
  for (const node of descendants(within)) {
    const callback = (node["arguments"] as readonly Node[] | undefined)?.[0];
    if (
      node.type !== "CallExpression" ||
      !/^(globalThis\.)?set(Timeout|Interval|Immediate)$/u.test(nameOf(node["callee"]) ?? "")
    )
      continue;
    const resolves = [...descendants(callback)].some(
      (one) => one.type === "Identifier" && one["name"] === resolve,
    );
    if (resolves)
      context.report({ node, message: `A promise that a timer resolves is banned here: ${reason}` });
  }
}

function nameOf(value: unknown): string | undefined {
  const node = value as Node | undefined;
  if (node?.type === "Identifier") return node["name"] as string;
  if (node?.type !== "MemberExpression") return undefined;
  return `${nameOf(node["object"])}.${nameOf(node["property"])}`;
}

function* descendants(value: unknown): Generator<Node> {
  if (Array.isArray(value)) for (const item of value) yield* descendants(item);
  if (typeof (value as Node | null)?.type !== "string") return;
  const node = value as Node;
  yield node;
  for (const [field, child] of Object.entries(node)) if (field !== "parent") yield* descendants(child);
}
