import { isIP } from "node:net";
import { type Description, right, service, type Service } from "@pagoda/core";
import { type HttpRequest, httpResponse, type HttpResponse, json, text } from "@pagoda/http";
import type { ClusterStatus } from "../data-plane/types.ts";
import type { Figures } from "../recorder/call-record.ts";
import type { Feed } from "../live/feed.ts";
import type { Action } from "./admin-action.ts";
import { actionList, actionsOf, type Operations } from "./admin-actions.ts";
import { type AdminGuard, isLoadedElsewhere } from "./admin-guard.ts";
import { liveEvents } from "./live-events.ts";
import { assets, livePage, pageAsset, wantsHtml } from "./page-files.ts";
import { type KeptRequests, requestPage, requestsPage } from "./requests-page.ts";
import { TapPage, type Tapping } from "./tap-page.ts";

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
  readonly logLevel: string;
  readonly operations: Operations;
  /** Decides who may use the operations. */
  readonly guard: AdminGuard;
  /** Called after an operation, for the log. */
  acted(action: Acted): void;
}

/** An operation that was requested. */
export interface Acted {
  /** `/log-level`: the path of its page. */
  readonly action: string;
  /** Its parameters. */
  readonly parameters: Readonly<Record<string, string>>;
  /** The address of the client. */
  readonly client: string | undefined;
  /** The status of the response. */
  readonly status: number;
}

type Page = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;
type Pages = Readonly<Record<string, { readonly GET: Page; readonly about: string }>>;

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
  const actions = actionsOf(subject.operations);
  const taps = new TapPage(subject.tapping);
  const pages: Pages = {
    "/": {
      about: "this list; the live page in a browser",
      GET: (request) => (wantsHtml(request) ? livePage(request) : text(listOf(pages, actions))),
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
      GET: (request) => taps.respond(request),
    },
    "/live": {
      about: "what the page shows, as server-sent events",
      GET: () => liveEvents(subject.live),
    },
    "/top": {
      about: "requests, errors and latencies by route and endpoint, JSON",
      GET: async () => json(await subject.figures()),
    },
    "/log-level": { about: "the log level", GET: () => text(`${subject.logLevel}\n`) },
    "/actions": {
      about: "the actions below with their parameters, and whether they need a token, JSON",
      GET: () => json({ needsToken: subject.guard.needsToken, actions: actionList(actions) }),
    },
  };

  return service("admin", async (request: HttpRequest) => {
    const { method, path, authority } = request;
    // With DNS rebinding, an attacker's web page could read and change all of this.
    if (!isOwn(authority, host))
      return right(text(`the Host must be an IP address, localhost or ${host} (got "${authority}")\n`, 421));
    // It could read nothing, but its requests would take the places of those who watch.
    if (isLoadedElsewhere(request)) return right(text("not allowed from a web page\n", 403));
    const page: Pick<Pages[string], "GET"> | undefined = Object.hasOwn(pages, path)
      ? pages[path]
      : pageBelow(subject, path);
    const action = Object.hasOwn(actions, path) ? actions[path] : undefined;
    if (page === undefined && action === undefined) {
      const all = new Set([...Object.keys(pages), ...Object.keys(actions)]);
      return right(text(`not found; the pages are ${[...all].join(" ")}\n`, 404));
    }
    if (method === "POST" && action !== undefined)
      return right(subject.guard.refusal(request) ?? (await acted(subject, action, request)));
    if (page !== undefined && (method === "GET" || method === "HEAD")) return right(await page.GET(request));
    const allow = [...(page ? ["GET", "HEAD"] : []), ...(action ? ["POST"] : [])].join(", ");
    return right(text(`the method must be ${allow}\n`, 405, { allow }));
  });
}

async function acted(subject: AdminSubject, action: Action, request: HttpRequest): Promise<HttpResponse> {
  const given = new URLSearchParams(request.query);
  // A parameter that is ignored, such as a misspelled one, could change what an action does.
  for (const name of given.keys()) {
    if (!Object.hasOwn(action.parameters, name)) return text(unknownParameter(action, name), 400);
    const times = given.getAll(name).length;
    // The log would show another one than the action uses.
    if (times > 1) return text(`${name} must be given once (got it ${times} times)\n`, 400);
  }
  const response = await action.act(given, request);
  const parameters = Object.fromEntries(given);
  const { status } = response;
  if (status !== 400)
    subject.acted({ action: request.path, parameters, client: request.peer?.address, status });
  return response;
}

function unknownParameter({ parameters }: Action, name: string): string {
  const names = Object.keys(parameters);
  const valid =
    names.length === 0 ? "there must be no parameters" : `the parameters must be among ${names.join(", ")}`;
  return `${valid} (got "${name}")\n`;
}

/** A line for each page and action: how to request it, and what it is. */
function listOf(pages: Pages, actions: Readonly<Record<string, Action>>): string {
  const requests = [
    ...Object.entries(pages).map(([path, { about }]) => ["GET ", path, about] as const),
    ...Object.entries(actions).map(([path, { about }]) => ["POST", path, about] as const),
  ];
  const width = Math.max(...requests.map(([, path]) => path.length));
  const lines = requests.map(([method, path, about]) => `${method} ${path.padEnd(width)} ${about}`);
  return `${lines.join("\n")}\n`;
}

/** The page of one request, by its id, or a file of the live page. */
function pageBelow({ requests }: AdminSubject, path: string): Pick<Pages[string], "GET"> | undefined {
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
