import { isIP } from "node:net";
import { type Description, type Either, isLeft, right, service, type Service } from "@pagoda/core";
import { type HttpRequest, httpResponse, type HttpResponse, json, text } from "@pagoda/http";
import type { ClusterStatus } from "../data-plane/types.ts";
import type { Figures } from "../recorder/call-record.ts";
import { type KeptRequests, requestPage, requestsPage } from "./requests-page.ts";
import { type Tapping, tapPage } from "./tap-page.ts";

/** What the admin endpoint shows and controls. */
export interface AdminSubject {
  /** What is wrong with the process itself; undefined if nothing is. */
  unhealthy(): string | undefined;
  /** Why no traffic should come here now; undefined if ready. */
  notReady(): Promise<string | undefined>;
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>;
  /** One tree of workers, listeners and stacks. */
  describe(): Promise<Description>;
  /** The configuration, without its secrets. */
  config(): unknown;
  clusters(): Promise<readonly ClusterStatus[]>;
  readonly requests: KeptRequests;
  readonly tapping: Tapping;
  /** Requests, errors and latencies by route and endpoint. */
  figures(): Promise<Figures>;
  /** `Left`: a line for each problem; nothing has changed. */
  reload(): Promise<Either<readonly string[], void>>;
  drain(): void;
  readonly logLevels: readonly string[];
  readonly logLevel: string;
  setLogLevel(level: string): Promise<void>;
}

type Page = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;
type Pages = Readonly<Record<string, { readonly GET?: Page; readonly POST?: Page }>>;

/**
 * The handler of the admin endpoint.
 *
 * @param host The host it listens on, accepted in `Host` besides addresses and `localhost`.
 */
export function admin(subject: AdminSubject, host: string): Service<HttpRequest, HttpResponse> {
  const health: Page = () => {
    const reason = subject.unhealthy();
    return reason === undefined ? text("ok\n") : text(`${reason}\n`, 503);
  };
  const ready: Page = async () => {
    const reason = await subject.notReady();
    return reason === undefined ? text("ready\n") : text(`not ready: ${reason}\n`, 503);
  };
  const pages: Pages = {
    "/health": { GET: health },
    "/healthz": { GET: health },
    "/ready": { GET: ready },
    "/readyz": { GET: ready },
    "/metrics": {
      async GET() {
        const { contentType, text: body } = await subject.metrics();
        return httpResponse(200, body, { "content-type": contentType });
      },
    },
    "/stack": { GET: async () => json(await subject.describe()) },
    "/config": { GET: () => json(subject.config()) },
    "/clusters": { GET: async () => json(await subject.clusters()) },
    "/requests": { GET: (request) => requestsPage(subject.requests, request) },
    "/tap": { GET: (request) => tapPage(subject.tapping, request) },
    "/top": { GET: async () => json(await subject.figures()) },
    "/log-level": {
      GET: () => text(`${subject.logLevel}\n`),
      async POST(request) {
        const level = new URLSearchParams(request.query).get("level") ?? (await bodyOf(request));
        if (!subject.logLevels.includes(level))
          return text(`the level must be one of ${subject.logLevels.join(", ")} (got "${level}")\n`, 400);
        await subject.setLogLevel(level);
        return text(`${level}\n`);
      },
    },
    "/reload": {
      async POST() {
        const done = await subject.reload();
        return isLeft(done) ? text(`${done.left.join("\n")}\n`, 422) : text("reloaded\n");
      },
    },
    "/drain": {
      POST() {
        subject.drain();
        return text("draining\n", 202);
      },
    },
  };

  return service("admin", async (request: HttpRequest) => {
    const { method, path, authority, headers } = request;
    // With DNS rebinding, an attacker's web page could read and change all of this.
    if (!isOwn(authority, host))
      return right(text(`the Host must be an IP address, localhost or ${host} (got "${authority}")\n`, 421));
    const page = Object.hasOwn(pages, path) ? pages[path] : pageBelow(subject, path);
    if (page === undefined)
      return right(text(`not found; the pages are ${Object.keys(pages).join(" ")}\n`, 404));
    const answer =
      method === "HEAD" ? page.GET : method === "GET" || method === "POST" ? page[method] : undefined;
    if (answer === undefined) {
      const allow = [...(page.GET ? ["GET", "HEAD"] : []), ...(page.POST ? ["POST"] : [])].join(", ");
      return right(text(`the method must be ${allow}\n`, 405, { allow }));
    }
    // Browsers add the page's origin to a POST, and no page should send one.
    if (method === "POST" && headers.has("origin")) return right(text("not allowed from a web page\n", 403));
    return right(await answer(request));
  });
}

async function bodyOf({ body }: HttpRequest): Promise<string> {
  const read = await body.text({ maxBytes: 1_024 });
  return isLeft(read) ? "" : read.right.trim();
}

/** The page of one request, by its id. */
function pageBelow({ requests }: AdminSubject, path: string): Pages[string] | undefined {
  const [, encoded] = /^\/requests\/([^/]+)$/.exec(path) ?? [];
  if (encoded === undefined) return undefined;
  return { GET: (request) => requestPage(requests, request, decoded(encoded)) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * Whether a request was meant for this server: for an address, or for a name that nobody else can
 * own.
 */
function isOwn(authority: string, own: string): boolean {
  const host = authority.replace(/:\d*$/, "").replace(/^\[(.*)\]$/, "$1");
  return host === "" || isIP(host) !== 0 || host === "localhost" || host === own;
}
