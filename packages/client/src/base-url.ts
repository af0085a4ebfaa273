import { type Either, left, rangeError, right } from "@pagoda/core";
import type { UrlRefused } from "./faults.ts";

/** An absolute URL has a scheme. A path may contain a colon, but starts with a slash. */
const absolute = /^[a-z][a-z\d+.-]*:/iu;

/** Resolves the URLs of calls against the client's base URL. */
export class BaseUrl {
  /** `https://example.com`; undefined without a base URL. */
  readonly origin: string | undefined;
  /** `/v1/`: the path that all relative URLs must stay inside. */
  readonly #path: string;

  /** @throws RangeError unless it is an http or https URL without credentials, query and fragment. */
  constructor(baseUrl: string | undefined) {
    const url = baseUrl === undefined ? undefined : parseBase(baseUrl);
    this.origin = url?.origin;
    this.#path = url === undefined ? "/" : url.pathname.replace(/\/?$/u, "/");
  }

  resolve(url: string | URL): Either<UrlRefused, URL> {
    const text = String(url);
    const isAbsolute = absolute.test(text);
    if (!isAbsolute && this.origin === undefined) return refused(text, "must be absolute without a baseUrl");
    const whole = isAbsolute
      ? text
      : `${this.origin}${this.#path}${text.startsWith("/") ? text.slice(1) : text}`;
    const parsed = URL.parse(whole);
    if (parsed === null) return refused(text, "must be a valid URL");
    if (parsed.protocol !== "http:" && parsed.protocol !== "https:")
      return refused(text, "must be an http or https URL");
    // fetch refuses them, too: they would appear in logs.
    if (parsed.username !== "" || parsed.password !== "")
      return refused(`${parsed.protocol}//${parsed.host}`, "must not contain credentials");
    // A path made from data must not leave the part of the server that the base names.
    if (!isAbsolute && !parsed.pathname.startsWith(this.#path))
      return refused(text, `must not leave ${this.origin}${this.#path} with dot segments`);
    return right(parsed);
  }
}

function parseBase(baseUrl: string): URL {
  const url = URL.parse(baseUrl);
  const isValid =
    url !== null &&
    (url.protocol === "http:" || url.protocol === "https:") &&
    url.search === "" &&
    url.hash === "" &&
    url.username === "" &&
    url.password === "";
  if (!isValid)
    throw rangeError(
      "client: baseUrl",
      "an http or https URL without credentials, query or fragment",
      baseUrl,
    );
  return url;
}

export function refused(url: string, reason: string): Either<UrlRefused, never> {
  return left({ _tag: "UrlRefused", origin: "local", retryable: false, url, reason });
}
