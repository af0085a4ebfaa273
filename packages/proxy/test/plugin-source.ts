/** The modules that plugins import, wherever their files are. */
export const modules = {
  core: new URL("../../core/src/index.ts", import.meta.url).href,
  http: new URL("../../http/src/index.ts", import.meta.url).href,
  policy: new URL("../src/policies/policy.ts", import.meta.url).href,
};

/**
 * The text of a plugin `quota`, which lets each tenant make that many calls, and counts them over
 * reloads. A call that asks for it makes the layer throw.
 *
 * @param changes Fields of the definition instead of these.
 */
export function quota(changes: string = ""): string {
  return `
import { layer, left } from ${JSON.stringify(modules.core)};
import { definePolicy, eventsOf } from ${JSON.stringify(modules.policy)};

const events = eventsOf("quota", ["refused"]);

export default definePolicy({
  name: "quota",
  at: ["route"],
  before: "timeout",
  schema: ({ whole }) => whole(1, 1000).optional().describe("Calls of each tenant."),
  events,
  state: { boundTo: () => undefined, create: () => new Map() },
  layer: (max, { observe }, counts) => {
    const { refused } = observe(events);
    return layer("quota", (inner) => ({
      options: { max },
      call(request, signal) {
        if (request.headers.has("x-throw")) throw new Error("thrown by a plugin");
        const tenant = request.headers.get("x-tenant") ?? "";
        const count = (counts.get(tenant) ?? 0) + 1;
        if (count <= max) {
          counts.set(tenant, count);
          return inner.call(request, signal);
        }
        refused();
        return Promise.resolve(left({ _tag: "QuotaSpent", origin: "local", retryable: false, max }));
      },
    }));
  },
  answers: { QuotaSpent: ({ max }) => ({ status: 429, message: \`quota of \${max} calls spent\` }) },
  grpc: { QuotaSpent: "RESOURCE_EXHAUSTED" },
  ${changes}
});
`;
}

/**
 * The text of a plugin `memory`, which answers from memory what it has answered before, and itself if
 * the cluster cannot be reached.
 */
export const memory: string = `
import { isLeft, layer, right } from ${JSON.stringify(modules.core)};
import { text } from ${JSON.stringify(modules.http)};
import { definePolicy } from ${JSON.stringify(modules.policy)};

export default definePolicy({
  name: "memory",
  at: ["listener", "route", "cluster"],
  schema: ({ flag }) => flag.optional().describe("Remembers responses."),
  state: { boundTo: () => undefined, create: () => new Map() },
  layer: (_on, _environment, known) =>
    layer("memory", (inner) => ({
      async call(request, signal) {
        const remembered = known.get(request.path);
        if (remembered !== undefined) {
          request.body.cancel();
          return right(remembered);
        }
        const result = await inner.call(request, signal);
        if (isLeft(result)) return result.left._tag === "ConnectFailed" ? right(text("closed")) : result;
        const content = await result.right.body.text();
        if (isLeft(content)) return content;
        known.set(request.path, text(\`remembered \${content.right}\`));
        return right(text(content.right));
      },
    })),
  answers: {},
});
`;
