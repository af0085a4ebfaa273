import { isIP } from "node:net";
import { type Description, type Either, isLeft, right, service, type Service } from "@pagoda/core";
import { type HttpRequest, httpResponse, type HttpResponse, json, text } from "@pagoda/http";
import type { ClusterStatus } from "../data-plane/types.ts";
import type { Figures } from "../recorder/call-record.ts";
import type { Feed } from "../live/feed.ts";
import { liveEvents } from "./live-events.ts";
import { assets, livePage, pageAsset, wantsHtml } from "./page-files.ts";
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
  readonly live: Pick<Feed, "viewers" | "view">;
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
type Pages = Readonly<Record<string, Methods & { readonly about: string }>>;

interface Methods {
  readonly GET?: Page;
  readonly POST?: Page;
}

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
    "/": {
      about: "this list; the live page in a browser",
      GET: (request) => (wantsHtml(request) ? livePage(request) : text(listOf(pages))),
    },
    "/health": { about: "200 if all workers answer", GET: health },
    "/healthz": { about: "the same", GET: health },
    "/ready": { about: "200 if requests should be sent here", GET: ready },
    "/readyz": { about: "the same", GET: ready },
    "/metrics": {
      about: "metrics for Prometheus",
      async GET() {
        const { contentType, text: body } = await subject.metrics();
        return httpResponse(200, body, { "content-type": contentType });
      },
    },
    "/stack": {
      about: "all stacks with their live state, JSON",
      GET: async () => json(await subject.describe()),
    },
    "/config": {
      about: "the configuration in use, without secrets, JSON",
      GET: () => json(subject.config()),
    },
    "/clusters": {
      about: "endpoints and whether they get calls, JSON",
      GET: async () => json(await subject.clusters()),
    },
    "/requests": {
      about: "failed, refused, slow and retried requests, JSON; /requests/ID for one",
      GET: (request) => requestsPage(subject.requests, request),
    },
    "/tap": {
      about: "requests as they end, a JSON object in each line",
      GET: (request) => tapPage(subject.tapping, request),
    },
    "/live": {
      about: "what the page shows, as server-sent events",
      GET: () => liveEvents(subject.live),
    },
    "/top": {
      about: "requests, errors and latencies by route and endpoint, JSON",
      GET: async () => json(await subject.figures()),
    },
    "/log-level": {
      about: "the log level; POST /log-level?level=debug changes it",
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
      about: "applies the configuration on disk",
      async POST() {
        const done = await subject.reload();
        return isLeft(done) ? text(`${done.left.join("\n")}\n`, 422) : text("reloaded\n");
      },
    },
    "/drain": {
      about: "completes the requests in flight and exits",
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
    const page: Methods | undefined = Object.hasOwn(pages, path) ? pages[path] : pageBelow(subject, path);
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

/** A line for each page: how to get it, and what it is. */
function listOf(pages: Pages): string {
  const lines = Object.entries(pages).map(
    ([path, { GET, about }]) => `${GET === undefined ? "POST" : "GET "} ${path.padEnd(11)} ${about}`,
  );
  return `${lines.join("\n")}\n`;
}

/** The page of one request, by its id, or a file of the live page. */
function pageBelow({ requests }: AdminSubject, path: string): Methods | undefined {
  if (path.startsWith(assets)) return { GET: (request) => pageAsset(request) };
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
