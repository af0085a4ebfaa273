import type { LiveCluster, LiveTrouble } from "./snapshot-clusters.ts";
import type { LiveHistory, LivePoint } from "./snapshot-history.ts";

export type * from "./snapshot-clusters.ts";
export type * from "./snapshot-history.ts";

/**
 * The JSON of `GET /live`, for the page and for programs. Types only: no code, and nothing of Node.
 *
 * The response is a stream of server-sent events. The name of each event is a part of the snapshot,
 * and its data the whole part, which replaces the one before; only `point` is added to `history`. A
 * new viewer gets every part at once, and afterwards those that have changed. Names of endpoints,
 * paths and errors come from outside: show them as text.
 *
 * Times are milliseconds since 1970, shares are from 0 to 1.
 */
export interface LiveEvents {
  readonly proxy: LiveProxy;
  readonly stack: LiveStack;
  readonly figures: LiveFigures;
  readonly clusters: readonly LiveCluster[];
  readonly layers: LiveLayers;
  readonly workers: readonly LiveWorker[];
  readonly reloads: readonly LiveReload[];
  readonly certificates: readonly LiveCertificate[];
  readonly history: LiveHistory;
  readonly point: LivePoint;
}

/** A JSON value. */
export type LiveValue =
  | string
  | number
  | boolean
  | null
  | readonly LiveValue[]
  | { readonly [key: string]: LiveValue };

/** The process as a whole. */
export interface LiveProxy {
  /** Null if the program that embeds the proxy has not said it. */
  readonly version: string | null;
  readonly pid: number;
  readonly startedAt: number;
  readonly phase: "starting" | "serving" | "draining";
  /** Why no traffic should come here; null if ready. */
  readonly notReady: string | null;
  /** What is wrong with the process itself; null if nothing is. */
  readonly unhealthy: string | null;
  readonly logLevel: string;
  readonly logLevels: readonly string[];
  /** Warnings of the configuration. */
  readonly warnings: readonly string[];
  /** Calls kept for each reason in each worker; 0: `/requests` has none. */
  readonly keptRequests: number;
  /** Whether POST requests of the page can have a token: see `admin.tokenFile`. */
  readonly actions: { readonly enabled: boolean };
}

/** What the configuration composes, with the listeners and endpoints of control planes. */
export interface LiveStack {
  readonly listeners: readonly LiveListener[];
  readonly clusters: readonly LiveClusterSettings[];
}

export interface LiveListener {
  readonly listener: string;
  /** As listened on: `http://127.0.0.1:8080`; null before it listens. */
  readonly url: string | null;
  readonly protocols: readonly string[];
  readonly policies: readonly LivePolicy[];
  /** In the order of the configuration. */
  readonly routes: readonly LiveRoute[];
}

/** A configured policy, in file format, without secrets. Lists of policies start with the outermost. */
export interface LivePolicy {
  readonly policy: string;
  readonly settings: LiveValue;
}

export interface LiveRoute {
  readonly route: string;
  /** The conditions of each alternative; any of them selects the route. None: all requests. */
  readonly match: readonly string[];
  /** Shares are by weight; empty if the proxy answers itself. */
  readonly clusters: readonly { readonly cluster: string; readonly share: number }[];
  /** What the proxy answers itself: `redirect 308`, `respond 404`. */
  readonly answer: string | null;
  readonly policies: readonly LivePolicy[];
}

export interface LiveClusterSettings {
  readonly cluster: string;
  /** Where its endpoints come from: `listed`, `dns`, `srv`, `kubernetes`, `xds`, `file`. */
  readonly source: string;
  readonly protocol: string;
  readonly balance: LiveValue;
  /** Whether endpoints are checked, and whether they are ejected for failures. */
  readonly check: boolean;
  readonly outliers: boolean;
  readonly policies: readonly LivePolicy[];
}

/** Calls that ended lately. */
export interface LiveFigures {
  readonly at: number;
  /**
   * Milliseconds until the next ones: 1,000, or more where a sample takes much CPU time, so that
   * sampling needs less than 1% of a core.
   */
  readonly everyMs: number;
  /** CPU milliseconds that this sample took in all processes together. */
  readonly sampleMs: number;
  /** Seconds that the figures cover: about 10, or as long as there are viewers; 0: no figures yet. */
  readonly seconds: number;
  /** The highest latency that is told apart from longer ones. */
  readonly slowestMs: number;
  readonly total: LiveRates;
  /** Those with calls; all others had none. */
  readonly listeners: readonly (LiveRates & { readonly listener: string })[];
  /** `none`: no route was selected. */
  readonly routes: readonly (LiveRates & { readonly listener: string; readonly route: string })[];
  readonly clusters: readonly (LiveRates & { readonly cluster: string })[];
  /**
   * By the endpoint that answered, or was called last. The busiest and those with errors.
   */
  readonly endpoints: readonly (LiveRates & { readonly cluster: string; readonly endpoint: string })[];
  /** Endpoints with calls that are left out. */
  readonly endpointsLeft: number;
  /**
   * Calls that ended with an error inside the stack or at an origin, by its tag:
   * `RateLimited`, `CircuitOpen`, `ConnectFailed`.
   */
  readonly errors: readonly {
    readonly listener: string;
    readonly route: string;
    readonly cluster: string;
    readonly error: string;
    readonly perSecond: number;
  }[];
}

export interface LiveRates {
  /** Calls per second, whatever their result. */
  readonly perSecond: number;
  /** Per second: origins failed, as the reason `failed` of `/requests`. */
  readonly failedPerSecond: number;
  /** Per second: the proxy or an origin refused, as the reason `refused` of `/requests`. */
  readonly refusedPerSecond: number;
  /**
   * Milliseconds that this share of the calls did not exceed, from histograms summed over all
   * workers; null without calls. At most `slowestMs`, which means that long or longer.
   */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly p999Ms: number | null;
  /** The path of the failed calls: `/requests?route=api&reason=failed`; absent if there are none. */
  readonly failed?: string;
  readonly refused?: string;
}

/** The state of layers that have one, except those of endpoints. */
export interface LiveLayers {
  readonly layers: readonly LiveLayer[];
  /** Layers that are left out. */
  readonly left: number;
}

export interface LiveLayer {
  /** As in `/stack`: `rate-limit`, `buffer`; `store`, `secrets` and the like for the main process. */
  readonly layer: string;
  readonly listener: string | null;
  readonly route: string | null;
  readonly cluster: string | null;
  /**
   * The state in all workers together: counts are added; of times (`…Ms`) the longest; of rates and
   * ratios the mean; of words each that occurs, separated by commas; true if it is in all of them.
   */
  readonly state: { readonly [name: string]: LiveValue };
  /** What is used of what there is, such as calls in flight of a limit; null if it has no bound. */
  readonly used: { readonly of: number; readonly used: number; readonly what: string } | null;
  readonly trouble: LiveTrouble | null;
}

export interface LiveWorker {
  /** Null: the main process. */
  readonly worker: number | null;
  readonly pid: number;
  readonly since: number;
  /** `silent`: it does not answer, for `silentMs` so far. */
  readonly state: "serving" | "silent";
  readonly silentMs: number;
  /** Share of a core since the last sample; null if that is not known. */
  readonly cpu: number | null;
  /** Resident memory; null if that is not known. */
  readonly memoryBytes: number | null;
  /** Milliseconds until it answered the last sample: how long its event loop lets things wait. */
  readonly answerMs: number | null;
  /** Calls in flight; null if that is not known. */
  readonly inFlight: number | null;
}

/** A reload, the newest first. */
export interface LiveReload {
  readonly at: number;
  /** `file change`, `SIGHUP`, `admin endpoint`, `secret change`, `control plane`. */
  readonly trigger: string;
  readonly result: "applied" | "rejected";
  /** Why it was rejected: a line for each problem. */
  readonly problems: readonly string[];
  /** What it changed, without secrets; of a rejected one none. */
  readonly changes: readonly LiveChange[];
  /** Changes that are left out. */
  readonly changesLeft: number;
  /** Files that it refers to with other contents than before. */
  readonly files: readonly string[];
  /** Whether it changed only settings that are not shown, since they may be secrets. */
  readonly secrets: boolean;
}

/** A changed setting. Values are JSON, and long ones are cut. */
export interface LiveChange {
  /**
   * `listeners[web].routes[api].policies.timeout`: members of lists by name. Of those without, such as
   * endpoints, one is removed or added: `clusters.shop.endpoints[]`.
   */
  readonly path: string;
  /** Null: it was added. */
  readonly before: string | null;
  /** Null: it was removed. */
  readonly after: string | null;
}

export interface LiveCertificate {
  /** The file, or `secret:` and the name of the secret. */
  readonly file: string;
  /** Whose certificate it is: `CN=shop.example`. */
  readonly subject: string;
  /** Names and addresses that it is for, such as `DNS:shop.example`; at most 20. */
  readonly names: readonly string[];
  readonly from: number;
  readonly to: number;
  readonly state: "valid" | "ends soon" | "ended" | "not valid yet";
}
