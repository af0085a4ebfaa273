/** A parameter to set. */
export interface Parameter {
  readonly key: string;
  readonly value: string;
}

/**
 * Sets and removes parameters of a query. The others keep their bytes and their order.
 *
 * @param query `?` and the rest, or empty.
 */
export function editedQuery(query: string, set: readonly Parameter[], remove: readonly string[]): string {
  if (set.length === 0 && remove.length === 0) return query;
  const values = new Map(set.map(({ key, value }) => [key, value]));
  const gone = new Set([...remove, ...values.keys()]);
  const kept = query
    .slice(1)
    .split("&")
    .filter((part) => part !== "" && !gone.has(keyOf(part)));
  for (const name of remove) values.delete(name);
  for (const [key, value] of values) kept.push(`${sent(key, true)}=${sent(value, false)}`);
  return kept.length === 0 ? "" : `?${kept.join("&")}`;
}

/** The decoded name of a parameter, so that no escape hides it. */
function keyOf(part: string): string {
  const [key = ""] = part.split("=", 1);
  try {
    return decodeURIComponent(key.replaceAll("+", " "));
  } catch {
    return key;
  }
}

/** Escapes what would end a parameter or the query. What is already escaped stays. */
function sent(text: string, isKey: boolean): string {
  return text
    .toWellFormed()
    .replaceAll(/%(?![0-9A-Fa-f]{2})/g, "%25")
    .replaceAll(isKey ? /[^\w.~!$'()*,;:@/?%-]+/g : /[^\w.~!$'()*+,;:@/?%=-]+/g, encodeURIComponent);
}
