import { type ConfigInput, configSchema } from "../config/schema/config.ts";
import { publicConfig } from "../config/resolved.ts";
import { perRegistry } from "../config/schema/policies.ts";

/** Fields of the configuration's parts, in file format. */
type Fields = Readonly<Record<string, unknown>>;

/** Fields with lines of their own, or that say nothing about a request. */
const elsewhere = {
  listener: ["name", "address", "upgrades", "trustedProxies", "policies", "routes"],
  route: ["name", "match", "cluster", "clusters", "redirect", "respond", "policies"],
  cluster: ["endpoints", "dns", "srv", "kubernetes", "file", "balance", "policies"],
} as const;

/** The parts of a configuration where nothing is set that need not be. */
export const defaultsOf = perRegistry((policies) => {
  const route = { name: "all", cluster: "all" };
  const config: ConfigInput = {
    listeners: [{ address: "127.0.0.1:80", routes: [route] }],
    clusters: { all: { endpoints: ["http://127.0.0.1:80"] } },
  };
  const { listeners = [], clusters = {} } = publicConfig(configSchema(policies).parse(config), policies);
  const [listener] = listeners as [(typeof listeners)[number]];
  return { listener, route: listener.routes[0] as Fields, cluster: clusters["all"] as Fields };
});

/**
 * A line for each field that differs from its default and is not explained elsewhere.
 *
 * @param shown In file format.
 */
export function settingLines(
  part: keyof typeof elsewhere,
  shown: Fields,
  defaults: ReturnType<typeof defaultsOf>,
): readonly string[] {
  const usual = defaults[part] as Fields;
  const others: readonly string[] = elsewhere[part];
  return Object.entries(shown)
    .filter(([field, value]) => !others.includes(field) && value !== undefined)
    .filter(([field, value]) => JSON.stringify(value) !== JSON.stringify(usual[field]))
    .map(([field, value]) => `${field}: ${settingText(value)}`);
}

/** A setting as it is written in a file. */
export function settingText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
