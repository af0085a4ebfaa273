/** What clients do, by client and behaviour. */
export type Observations = Readonly<Record<string, Readonly<Record<string, string>>>>;

const begin = "<!-- client differences -->";
const end = "<!-- /client differences -->";

/** Writes the table of a README: a row for each behaviour, a column for each client. */
export function differenceTable(observations: Observations): string {
  const clients = Object.keys(observations);
  const behaviours = Object.keys(observations[clients[0] ?? ""] ?? {});
  const row = (first: string, cellOf: (client: string) => string): string =>
    `| ${[first, ...clients.map(cellOf)].join(" | ")} |`;
  return [
    row("", (client) => `\`${client}\``),
    row("---", () => "---"),
    ...behaviours.map((behaviour) => row(behaviour, (client) => observations[client]?.[behaviour] ?? "")),
  ].join("\n");
}

/** Replaces the table between the markers in a README. */
export function withDifferenceTable(readme: string, table: string): string {
  const from = readme.indexOf(begin);
  const to = readme.indexOf(end);
  if (from < 0 || to < from) throw new Error(`the README must have a table between ${begin} and ${end}`);
  return `${readme.slice(0, from)}${begin}\n\n${table}\n\n${readme.slice(to)}`;
}

/** Reads the table of a README. */
export function differencesIn(readme: string): Observations {
  const lines = readme
    .slice(readme.indexOf(begin), readme.indexOf(end))
    .split("\n")
    .filter((line) => line.startsWith("|"));
  const [names = [], , ...rows] = lines.map((line) =>
    line
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim()),
  );
  return Object.fromEntries(
    names
      .slice(1)
      .map((name, column) => [
        name.replaceAll("`", ""),
        Object.fromEntries(rows.map(([behaviour, ...cells]) => [behaviour, cells[column] ?? ""])),
      ]),
  );
}
