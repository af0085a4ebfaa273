/** The plugins that a configuration lists, if that is valid: the schema reports what is not. */
export function pluginNames(value: unknown): readonly string[] {
  const { plugins } = Object(value) as { readonly plugins?: unknown };
  return Array.isArray(plugins) && plugins.every((each) => typeof each === "string" && each !== "")
    ? (plugins as readonly string[])
    : [];
}
