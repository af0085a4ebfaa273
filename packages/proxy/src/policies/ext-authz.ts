import {
  type AuthorizationUnavailable,
  extAuthz as extAuthzLayer,
  type ExtAuthzObserver,
} from "@pagoda/ext-authz";
import type { FromClient, HttpRequest } from "@pagoda/http";
import type { Answer } from "@pagoda/respond";
import { defined } from "../schema/defined.ts";
import { checkField, type Path, type Report } from "../schema/report.ts";
import { definePolicy, eventsOf, type ListenerEnvironment } from "./policy.ts";
import { soon } from "./retry-after.ts";

const events = eventsOf<ExtAuthzObserver<HttpRequest & FromClient>>("ext-authz", [
  "allowed",
  "refused",
  "unavailable",
]);

/**
 * Asks an authorization server. Stands inside rules and limits: a refused request costs no call. Its
 * server is a cluster, which has time limits, a breaker and metrics of its own.
 */
export const extAuthz = definePolicy({
  name: "extAuthz",
  at: ["listener", "route"],
  schema: ({ fields, text, some, name, flag, duration }) =>
    fields({
      cluster: name.describe("Cluster of the authorization server."),
      path: text
        .regex(/^\/[!-~]*$/, { error: "must be a path that starts with /" })
        .optional()
        .describe("Path of the calls to it. Default: that of the request."),
      headers: some(text)
        .optional()
        .describe("Names of the header fields that it gets, besides `X-Forwarded-*`. Default: all."),
      copyHeaders: some(text)
        .optional()
        .describe(
          "Names of header fields of its 2xx response that are set on the request; what the client sent under these names is removed. Default: none.",
        ),
      failOpen: flag.default(false).describe("Lets requests pass while it does not answer."),
      timeout: duration.prefault("1s").describe("Maximum time until its response."),
    })
      .optional()
      .describe(
        "Asks an authorization server about each request: a GET request with the header fields of the request, `X-Forwarded-Method` and `X-Forwarded-Uri`. A 2xx response lets the request pass, and any other below 500 goes to the client. Without an answer, clients get 503.",
      ),
  clusters: ({ cluster }) => [[["cluster"], cluster]],
  check({ headers, copyHeaders }, { path, report }) {
    checkFields([...path, "headers"], headers, report);
    checkFields([...path, "copyHeaders"], copyHeaders, report);
  },
  events,
  layer: (
    { cluster, path, headers, copyHeaders, failOpen, timeout },
    { cluster: of, observe, clock }: ListenerEnvironment,
  ) =>
    extAuthzLayer<HttpRequest & FromClient>({
      service: of(cluster),
      ...defined({ path, headers, copyHeaders }),
      failOpen,
      timeoutMs: timeout,
      observer: observe(events),
      clock,
    }),
  answers: {
    AuthorizationUnavailable: (_: AuthorizationUnavailable): Answer => ({
      status: 503,
      message: "the request cannot be authorized now",
      headers: soon,
    }),
  },
  explain: ({ cluster, failOpen }) => ({
    text: `asks the cluster ${cluster}${failOpen ? ", and passes without an answer" : ""}`,
    passes: true,
  }),
});

function checkFields(path: Path, names: readonly string[] | undefined, report: Report): void {
  names?.forEach((name, n) => checkField([...path, n], name, report));
}
