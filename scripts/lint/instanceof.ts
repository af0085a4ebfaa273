import type { Node, Rule } from "./ban.ts";

/** Reports `instanceof` with classes of our own packages, of which a program may contain two copies. */
export const noSharedInstanceof: Rule = {
  create(context) {
    const imported = new Set<string>();
    return {
      ImportDeclaration(node) {
        const { value } = node["source"] as unknown as { readonly value: string };
        if (!value.startsWith("@pagoda/")) return;
        for (const specifier of node["specifiers"] as readonly Node[])
          imported.add((specifier["local"] as Node)["name"] as string);
      },
      BinaryExpression(node) {
        const right = node["right"] as Node;
        const name = right["name"] as string | undefined;
        if (node["operator"] !== "instanceof" || name === undefined || !imported.has(name)) return;
        context.report({
          node,
          message: `instanceof ${name} is banned here: the object may come from another copy of its package; use a predicate of that package, such as isBody.`,
        });
      },
    };
  },
};
