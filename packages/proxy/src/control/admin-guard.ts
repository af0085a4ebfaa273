import { createHash, timingSafeEqual } from "node:crypto";
import { addressGroup, type Clock } from "@pagoda/core";
import { type HttpRequest, type HttpResponse, text } from "@pagoda/http";
import type { Logger } from "pino";
import { WrongTokens } from "./wrong-tokens.ts";

/** The token of `admin.tokenFile`. */
export interface AdminToken {
  /** The file, for messages. */
  readonly file: string;
  readonly token: string;
}

export interface AdminGuardOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** The token in use; undefined if none is configured. */
  readonly token: () => AdminToken | undefined;
}

const scheme = /^bearer +/i;

/**
 * Decides who may act through the admin endpoint. Without a token, everybody who reaches it may,
 * except web pages. With one, every request needs it, and pages of this server may send it.
 */
export class AdminGuard {
  readonly #options: AdminGuardOptions;
  readonly #wrong: WrongTokens;
  /** Bounds the log, whatever number of clients guess. */
  readonly #logged: WrongTokens;

  constructor(options: AdminGuardOptions) {
    this.#options = options;
    this.#wrong = new WrongTokens(options.clock);
    this.#logged = new WrongTokens(options.clock);
  }

  get needsToken(): boolean {
    return this.#options.token() !== undefined;
  }

  /** The response to a request that may not act; undefined if it may. */
  refusal(request: HttpRequest): HttpResponse | undefined {
    const configured = this.#options.token();
    if (isFromElsewhere(request)) return text("not allowed from a web page\n", 403);
    if (configured === undefined)
      return request.headers.has("origin")
        ? text("not allowed from a web page without a token: set `admin.tokenFile`\n", 403)
        : undefined;
    return this.#withToken(request, configured);
  }

  #withToken(request: HttpRequest, { file, token }: AdminToken): HttpResponse | undefined {
    const { headers, path, peer } = request;
    const [given, ...others] = headers.all("authorization");
    const where = `the one in ${file} (admin.tokenFile), as \`Authorization: Bearer TOKEN\``;
    if (given === undefined)
      return text(`a token is required: ${where}\n`, 401, { "www-authenticate": "Bearer" });
    const client = addressGroup(peer?.address ?? "");
    const waitMs = this.#wrong.waitMs(client);
    if (waitMs > 0) {
      const seconds = Math.ceil(waitMs / 1_000);
      return text(`too many wrong tokens; try again in ${seconds} s\n`, 429, {
        "retry-after": String(seconds),
      });
    }
    if (others.length === 0 && scheme.test(given) && isSame(given.replace(scheme, "").trim(), token))
      return undefined;
    this.#wrong.add(client);
    if (this.#logged.waitMs("") === 0) {
      this.#logged.add("");
      this.#options.log.warn({ client: peer?.address, path }, "wrong admin token rejected");
    }
    return text(`wrong token: it must be ${where}\n`, 401, {
      "www-authenticate": 'Bearer error="invalid_token"',
    });
  }
}

/** Whether a page of another server loads something from here. Following a link to here is not meant. */
export function isLoadedElsewhere(request: HttpRequest): boolean {
  const { method, headers } = request;
  if (method !== "GET" && method !== "HEAD") return false;
  const isLink =
    !headers.has("origin") &&
    headers.get("sec-fetch-mode") === "navigate" &&
    headers.get("sec-fetch-dest") === "document";
  return !isLink && isFromElsewhere(request);
}

/** Whether a page of another server has sent a request. Other programs send neither of these fields. */
function isFromElsewhere({ headers, scheme, authority }: HttpRequest): boolean {
  const own = URL.parse(`${scheme}://${authority}`)?.origin;
  if (headers.all("origin").some((origin) => origin !== own)) return true;
  return headers.all("sec-fetch-site").some((site) => site !== "same-origin" && site !== "none");
}

/** Takes the same time whatever the texts have in common, and however long they are. */
function isSame(one: string, other: string): boolean {
  return timingSafeEqual(digest(one), digest(other));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
