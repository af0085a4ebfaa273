/**
 * The text of a type or a message with the members of its unions in order: compilers do not agree
 * on one.
 */
export function inOrder(text: string): string {
  let rest = text;
  // Innermost first, and out of the way of what is further out: it is part of a member there.
  while (bracketed.test(rest))
    rest = rest.replace(bracketed, (_, inner: string) => hidden(`<${ordered(inner)}>`));
  return shown(rest.replaceAll(/'([^']*)'/gu, (_, quoted: string) => `'${ordered(quoted)}'`));
}

const bracketed = /<([^<>]*)>/u;
/** Placeholders for parts that must not be split, in characters that no type contains. */
const hiding = [
  ["<", "\u{E000}"],
  [">", "\u{E001}"],
  [" | ", "\u{E002}"],
  [", ", "\u{E003}"],
] as const;

function hidden(text: string): string {
  return hiding.reduce((rest, [plain, sign]) => rest.replaceAll(plain, sign), text);
}

function shown(text: string): string {
  return hiding.reduce((rest, [plain, sign]) => rest.replaceAll(sign, plain), text);
}

function ordered(types: string): string {
  return types
    .split(", ")
    .map((type) => type.split(" | ").toSorted().join(" | "))
    .join(", ");
}
