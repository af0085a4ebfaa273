import { isToken } from "@pagoda/http/grammar";
import type { HostPorts } from "./candidate.ts";
import { LinearRegex } from "@pagoda/linear-regex";
import { invalidNames, PathPattern } from "./path-params.ts";
import { type FullPathOptions, normalPath } from "./path.ts";
import type { Report } from "./report.ts";
import type { FieldMatch, PathMatch, RouteMatch } from "./route.ts";

const hostName = /^[\dA-Za-z_-]+(?:\.[\dA-Za-z_-]+)*$/;
const port = /:\d{1,5}$/;
const ipv6 = /^\[[\dA-Fa-f:.]+\]$/;
const tests = ["exact", "contains", "regex", "present", "absent"] as const;

/** Reports problems in one match of a route. */
export function checkMatch(
  match: RouteMatch,
  { paths, hostPorts }: { readonly paths: FullPathOptions; readonly hostPorts: HostPorts },
  report: Report,
): void {
  const { hosts, path, methods, headers, query } = match;
  if (hosts !== undefined) {
    notEmpty("hosts", hosts, report);
    hosts.forEach((host, n) => {
      const name = hostPorts === "match" ? host.replace(port, "") : host;
      const fixed = name.replace(/^\*\.|\.\*$/, "");
      if (!isHost(fixed) || (fixed !== name && fixed.startsWith("[")))
        report(["hosts", n], host, `a host${hostPorts === "match" ? "" : " without port"}, *.HOST or HOST.*`);
    });
  }
  if (path !== undefined) checkPathMatch(path, paths, report);
  if (methods !== undefined) {
    notEmpty("methods", methods, report);
    methods.forEach((method, n) => {
      if (!isToken(method) || method !== method.toUpperCase())
        report(["methods", n], method, "a method in upper case");
    });
  }
  headers?.forEach((field, n) => checkField("headers", n, field, report));
  query?.forEach((field, n) => checkField("query", n, field, report));
}

/** Whether a host is valid in a request, so without a wildcard. */
export function isHost(host: string): boolean {
  return (hostName.test(host) && host.length <= 253) || ipv6.test(host);
}

function checkPathMatch(path: PathMatch, options: FullPathOptions, report: Report): void {
  const given = kinds.filter((kind) => kind in path);
  if (given.length !== 1) report(["path"], path, `an object with exactly one of ${kinds.join(", ")}`);
  if ("pattern" in path) checkPattern(path.pattern, options, report);
  if ("regex" in path) checkRegex(["path", "regex"], path.regex, report);
  if ("exact" in path) checkPath(["path", "exact"], path.exact, options, report);
  if ("prefix" in path) checkPath(["path", "prefix"], path.prefix, options, report);
  if ("startsWith" in path) checkPath(["path", "startsWith"], path.startsWith, options, report);
}

const kinds = ["exact", "prefix", "startsWith", "pattern", "regex"] as const;

function checkPattern(pattern: string, options: FullPathOptions, report: Report): void {
  const place = ["path", "pattern"];
  const { names } = new PathPattern(pattern);
  if (names.length === 0) report(place, pattern, "a path with a parameter, such as /users/:id");
  for (const name of invalidNames(pattern))
    report(place, `:${name}`, "a parameter named by letters, digits and _, such as :id");
  for (const name of names.filter((each, n) => names.indexOf(each) !== n))
    report(place, `:${name}`, "a parameter that occurs once");
  // Parameters have no other form.
  checkPath(place, pattern, options, report);
}

/** Paths are matched in normal form, so any other form would never match. */
export function checkPath(
  place: readonly (string | number)[],
  path: string,
  options: FullPathOptions,
  report: Report,
): void {
  if (!path.startsWith("/")) return report(place, path, "a path that begins with /");
  if (/[^!-~]|\?/.test(path))
    return report(place, path, "a path as on the wire, percent-encoded, without query");
  const normal = normalPath(path, options);
  if (typeof normal !== "string") report(place, path, `a path that is not refused: ${normal.reason}`);
  else if (normal !== path) report(place, path, `in its normal form, ${normal}`);
}

export function checkRegex(place: readonly (string | number)[], regex: string, report: Report): void {
  try {
    void new LinearRegex(regex);
  } catch (error) {
    report(place, regex, `a pattern: ${(error as Error).message}`);
  }
}

function checkField(list: "headers" | "query", n: number, field: FieldMatch, report: Report): void {
  const { name } = field;
  if (list === "headers" ? !isToken(name) : name === "")
    report([list, n, "name"], name, list === "headers" ? "a field name" : "the name of a parameter");
  const given = tests.filter((test) => test in field);
  if (given.length !== 1) report([list, n], field, `an object with exactly one of ${tests.join(", ")}`);
  if ("regex" in field) checkRegex([list, n, "regex"], field.regex, report);
  for (const test of ["present", "absent"] as const) {
    const value = (field as Readonly<Record<string, unknown>>)[test];
    if (test in field && value !== true) report([list, n, test], value, "true");
  }
}

export function notEmpty(name: string, list: readonly unknown[], report: Report): void {
  if (list.length === 0) report([name], [], "a list of at least one entry, or left out for any");
}
