import { connectionFields, isFieldValue, isToken } from "@pagoda/http/grammar";
import { oneOf } from "@pagoda/core";
import { Substitution } from "@pagoda/linear-regex";
import { checkPath, isHost } from "./check-match.ts";
import type { FullPathOptions } from "./path.ts";
import type { Report } from "./report.ts";
import type { DirectResponse, HeaderEdits, Redirect, Rewrite, Share } from "./route.ts";

const redirectStatuses: readonly unknown[] = [301, 302, 303, 307, 308];
/** Framing and routing fields. Edited by hand, two parsers might read different messages. */
const framing: ReadonlySet<string> = new Set([...connectionFields, "content-length", "host", "trailer"]);

/** Reports problems in the shares of a split. */
export function checkShares(shares: readonly Share[], report: Report): void {
  if (shares.length === 0) report(["clusters"], [], "a list of at least one cluster");
  const names = new Set<string>();
  shares.forEach(({ cluster, weight }, n) => {
    if (cluster === "" || names.has(cluster))
      report(["clusters", n, "cluster"], cluster, "the name of a cluster, each once");
    names.add(cluster);
    if (!(weight > 0 && weight < Infinity)) report(["clusters", n, "weight"], weight, "a number above 0");
  });
}

/** @param prefixed Whether every match of the route has a prefix. */
export function checkRedirect(
  redirect: Redirect,
  prefixed: boolean,
  paths: FullPathOptions,
  report: Report,
): void {
  const { status, scheme, port, ...where } = redirect;
  const change = scheme ?? port ?? where.host ?? where.path ?? where.prefix ?? where.stripQuery;
  if (change === undefined || change === false)
    report(
      ["redirect"],
      redirect,
      "one that leads elsewhere: scheme, host, port, path, prefix or stripQuery",
    );
  if (status !== undefined && !redirectStatuses.includes(status))
    report(["redirect", "status"], status, oneOf(redirectStatuses));
  if (scheme !== undefined && scheme !== "http" && scheme !== "https")
    report(["redirect", "scheme"], scheme, oneOf(["http", "https"]));
  if (port !== undefined && !(Number.isInteger(port) && port >= 1 && port <= 65_535))
    report(["redirect", "port"], port, "an integer from 1 to 65535");
  checkPlace("redirect", where, prefixed, paths, report);
}

/** @param prefixed Whether every match of the route has a prefix. */
export function checkRewrite(
  rewrite: Rewrite,
  prefixed: boolean,
  paths: FullPathOptions,
  report: Report,
): void {
  const { regex, path, prefix, host } = rewrite;
  if (regex === undefined && path === undefined && prefix === undefined && host === undefined)
    report(["rewrite"], rewrite, "an object with at least one of host, path, prefix, regex");
  if (regex !== undefined) {
    try {
      void new Substitution(regex.pattern, regex.substitution);
    } catch (error) {
      report(["rewrite", "regex"], regex, `a pattern and a substitution: ${(error as Error).message}`);
    }
    if (!regex.substitution.startsWith("/"))
      report(["rewrite", "regex", "substitution"], regex.substitution, "a path that begins with /");
    if (path !== undefined || prefix !== undefined)
      report(["rewrite"], rewrite, "an object with at most one of path, prefix, regex");
  }
  checkPlace("rewrite", rewrite, prefixed, paths, report);
}

function checkPlace(
  name: string,
  place: Rewrite,
  prefixed: boolean,
  paths: FullPathOptions,
  report: Report,
): void {
  const { host, path, prefix } = place;
  if (host !== undefined && !isHost(host)) report([name, "host"], host, "a host without port");
  if (path !== undefined && prefix !== undefined)
    report([name], { path, prefix }, "an object with one of path and prefix");
  if (path !== undefined) checkPath([name, "path"], path, paths, report);
  if (prefix === undefined) return;
  checkPath([name, "prefix"], prefix, paths, report);
  if (!prefixed) report([name, "prefix"], prefix, "left out where a match of the route has no prefix");
}

export function checkRespond({ status, headers = {} }: DirectResponse, report: Report): void {
  if (!(Number.isInteger(status) && status >= 200 && status <= 599))
    report(["respond", "status"], status, "an integer from 200 to 599");
  checkFields(["respond", "headers"], headers, report);
}

export function checkEdits(
  place: "requestHeaders" | "responseHeaders",
  { set = {}, add = {}, remove = [] }: HeaderEdits,
  report: Report,
): void {
  checkFields([place, "set"], set, report);
  checkFields([place, "add"], add, report);
  remove.forEach((name, n) => checkName([place, "remove", n], name, report));
}

function checkFields(
  place: readonly string[],
  fields: Readonly<Record<string, string>>,
  report: Report,
): void {
  for (const [name, value] of Object.entries(fields)) {
    checkName([...place, name], name, report);
    if (!isFieldValue(value)) report([...place, name], value, "a string without line ends");
  }
}

function checkName(place: readonly (string | number)[], name: string, report: Report): void {
  if (!isToken(name)) report(place, name, "a field name");
  else if (framing.has(name.toLowerCase()))
    report(place, name, "a field that does not say how the message is framed or where it goes");
}
