import { mustBe } from "@pagoda/core";
import type { StringMatcher } from "./generated/matcher_pb.ts";
import type { HeaderMatcher, QueryParameterMatcher, RouteMatch } from "./generated/route_pb.ts";
import { routeMatchFields } from "./route-fields.ts";
import { fieldName, skippedFields } from "./unknown-fields.ts";

/** Conditions on a request, all of which must match. */
export interface XdsMatch {
  readonly path: XdsPathMatch;
  readonly methods?: readonly string[];
  readonly headers?: readonly XdsFieldMatch[];
  readonly query?: readonly XdsFieldMatch[];
}

export type XdsPathMatch =
  | { readonly exact: string }
  /** Whole segments. */
  | { readonly prefix: string }
  /** Any text. */
  | { readonly startsWith: string }
  /** For the whole path. */
  | { readonly regex: string };

export type XdsFieldMatch = { readonly name: string } & FieldTest;

type FieldTest =
  | { readonly exact: string }
  | { readonly contains: string }
  /** For the whole value. */
  | { readonly regex: string }
  | { readonly present: true }
  | { readonly absent: true };

/**
 * Translates the conditions of a route.
 *
 * @param isReplaced Whether the matched prefix is replaced.
 */
export function matchOf(
  message: RouteMatch | undefined,
  isReplaced: boolean,
  at: string,
  problems: string[],
): XdsMatch {
  const path = pathOf(message, isReplaced, at, problems);
  if (message === undefined) return { path };
  skippedFields(message.$unknown, routeMatchFields, at, problems);
  const methods: string[] = [];
  const headers: XdsFieldMatch[] = [];
  message.headers.forEach((header, n) => {
    const place = `${at}headers[${n}].`;
    if (!header.name.startsWith(":")) headers.push(...headerOf(header, place, problems));
    else if (header.name === ":method") methods.push(...methodsOf(header, place, problems));
    else problems.push(mustBe(`${place}name`, "a header field or :method", header.name));
  });
  if (methods.length > 0 && message.headers.filter(({ name }) => name === ":method").length > 1)
    problems.push(mustBe(`${at}headers`, "at most one condition on :method", methods.join(", ")));
  if (message.grpc !== undefined) headers.push({ name: "content-type", regex: "application/grpc(?:\\+.*)?" });
  const query = message.queryParameters.flatMap((each, n) =>
    parameterOf(each, `${at}query_parameters[${n}].`, problems),
  );
  return {
    path,
    ...(methods.length > 0 && { methods }),
    ...(headers.length > 0 && { headers }),
    ...(query.length > 0 && { query }),
  };
}

function pathOf(
  message: RouteMatch | undefined,
  isReplaced: boolean,
  at: string,
  problems: string[],
): XdsPathMatch {
  const { case: kind, value } = message?.pathSpecifier ?? { case: undefined };
  const isExact = message?.caseSensitive ?? true;
  // A pattern has no prefix that could be replaced.
  if (isReplaced && !isExact && (kind === "prefix" || kind === "pathSeparatedPrefix"))
    problems.push(mustBe(`${at}case_sensitive`, "true where the prefix is rewritten", false));
  if (kind === "safeRegex") return { regex: value.regex };
  if (kind === "path") return isExact ? { exact: value } : { regex: anyCase(value) };
  if (kind === "prefix") {
    // Its slash is replaced, too: with `/v2`, `/x` becomes `/v2x`.
    if (value === "" || (value === "/" && !isReplaced)) return { prefix: "/" };
    return isExact ? { startsWith: value } : { regex: `${anyCase(value)}.*` };
  }
  if (kind === "pathSeparatedPrefix")
    return isExact ? { prefix: value } : { regex: `${anyCase(value)}(?:/.*)?` };
  problems.push(
    mustBe(
      `${at}path_specifier`,
      "prefix, path, safe_regex or path_separated_prefix",
      kind && fieldName(kind),
    ),
  );
  return { prefix: "/" };
}

function headerOf(matcher: HeaderMatcher, at: string, problems: string[]): readonly XdsFieldMatch[] {
  const { name, headerMatchSpecifier: test, invertMatch, treatMissingHeaderAsEmpty } = matcher;
  skippedFields(matcher.$unknown, { ignored: {}, refused: {} }, at, problems);
  if (test.case === undefined || test.case === "presentMatch") {
    const isPresent = (test.value ?? true) !== invertMatch;
    return [isPresent ? { name, present: true } : { name, absent: true }];
  }
  // A missing field never matches here.
  if (treatMissingHeaderAsEmpty) problems.push(`${at}treat_missing_header_as_empty must be absent`);
  if (invertMatch) problems.push(`${at}invert_match must be absent, but with present_match`);
  const found = headerTestOf(test, at, problems);
  return found === undefined ? [] : [{ name, ...found }];
}

function headerTestOf(
  test: HeaderMatcher["headerMatchSpecifier"],
  at: string,
  problems: string[],
): FieldTest | undefined {
  switch (test.case) {
    case "exactMatch":
      return { exact: test.value };
    case "prefixMatch":
      return { regex: `${escaped(test.value)}.*` };
    case "suffixMatch":
      return { regex: `.*${escaped(test.value)}` };
    case "containsMatch":
      return { contains: test.value };
    case "safeRegexMatch":
      return { regex: test.value.regex };
    case "stringMatch":
      return stringTest(test.value, `${at}string_match.`, problems);
    default:
      problems.push(`${at}${fieldName(test.case ?? "header_match_specifier")} must be absent`);
      return undefined;
  }
}

function parameterOf(
  matcher: QueryParameterMatcher,
  at: string,
  problems: string[],
): readonly XdsFieldMatch[] {
  const { name, queryParameterMatchSpecifier: test } = matcher;
  skippedFields(matcher.$unknown, { ignored: {}, refused: {} }, at, problems);
  if (test.case !== "stringMatch")
    return [(test.value ?? true) ? { name, present: true } : { name, absent: true }];
  const found = stringTest(test.value, `${at}string_match.`, problems);
  return found === undefined ? [] : [{ name, ...found }];
}

/** The methods of a condition on `:method`: one, or alternatives. */
function methodsOf(matcher: HeaderMatcher, at: string, problems: string[]): readonly string[] {
  const found = matcher.invertMatch ? undefined : headerTestOf(matcher.headerMatchSpecifier, at, problems);
  if (found !== undefined && "exact" in found) return [found.exact];
  if (found !== undefined && "regex" in found) {
    const [, inner = found.regex] = /^\((?:\?:)?([^()]*)\)$/.exec(found.regex) ?? [];
    const alternatives = inner.split("|");
    if (alternatives.every((each) => /^[A-Z]+$/.test(each))) return alternatives;
  }
  problems.push(mustBe(at, "a method, or alternatives such as GET|HEAD", matcher.headerMatchSpecifier.case));
  return [];
}

function stringTest(matcher: StringMatcher, at: string, problems: string[]): FieldTest | undefined {
  const { matchPattern: pattern, ignoreCase } = matcher;
  skippedFields(matcher.$unknown, { ignored: {}, refused: {} }, at, problems);
  const text = ignoreCase ? anyCase : escaped;
  switch (pattern.case) {
    case "exact":
      return ignoreCase ? { regex: anyCase(pattern.value) } : { exact: pattern.value };
    case "prefix":
      return { regex: `${text(pattern.value)}.*` };
    case "suffix":
      return { regex: `.*${text(pattern.value)}` };
    case "contains":
      return ignoreCase ? { regex: `.*${anyCase(pattern.value)}.*` } : { contains: pattern.value };
    case "safeRegex":
      return { regex: pattern.value.regex };
    default:
      problems.push(mustBe(at, "exact, prefix, suffix, contains or safe_regex", pattern.case));
      return undefined;
  }
}

/** A pattern for exactly this text. */
export function escaped(text: string): string {
  return text.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`);
}

/** A pattern for this text in any case. */
function anyCase(text: string): string {
  return Array.from(text, (character) => {
    const [lower, upper] = [character.toLowerCase(), character.toUpperCase()];
    return /[A-Za-z]/.test(character) ? `[${lower}${upper}]` : escaped(character);
  }).join("");
}
