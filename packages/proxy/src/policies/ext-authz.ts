import type { AuthorizationUnavailable, ExtAuthzObserver } from "@pagoda/ext-authz";
import { extAuthz as extAuthzLayer, grpcExtAuthz, isSettable } from "@pagoda/ext-authz";
import type { BodyTooLarge, FromClient, HttpRequest, Identified } from "@pagoda/http";
import { isToken } from "@pagoda/http/grammar";
import type { Answer } from "@pagoda/respond";
import { defined } from "../schema/defined.ts";
import { checkField, type Path, type Report } from "../schema/report.ts";
import type { Vocabulary } from "../schema/vocabulary.ts";
import { definePolicy, eventsOf, type ListenerEnvironment } from "./policy.ts";
import { soon } from "./retry-after.ts";

type Asked = HttpRequest & FromClient & Identified;

const events = eventsOf<ExtAuthzObserver<Asked>>("ext-authz", ["allowed", "refused", "unavailable"], {
  allowed: () => "the authorization server allowed it",
  refused: ({ status }) => `the authorization server refused it with ${status}`,
  unavailable: ({ reason }) => `the authorization server did not decide: ${reason}`,
});

const requestBody = ({ fields, size, flag }: Vocabulary) =>
  fields({
    max: size
      .refine((bytes) => bytes >= 1, { error: "must be at least 1B" })
      .describe("Maximum size. The body waits in memory for the decision."),
    allowPartial: flag
      .default(false)
      .describe("Sends the beginning of a larger body. Without it, its client gets 413."),
    asBytes: flag
      .default(false)
      .describe("With `protocol: grpc`, sends it as `raw_body`. Without it, as `body` if it is UTF-8."),
  });

const settings = (words: Vocabulary) => {
  const { z, fields, text, some, name, flag, word, duration, secret } = words;
  return fields({
    cluster: name.describe("Cluster of the authorization server."),
    protocol: word(["http", "grpc"])
      .default("http")
      .describe(
        "How the server is asked: over HTTP, or with Envoy's gRPC protocol, which requires a cluster with `protocol: http2`.",
      ),
    path: text
      .regex(/^\/[!-~]*$/, { error: "must be a path that starts with /" })
      .optional()
      .describe("Path of the calls to it over HTTP. Default: that of the request."),
    headers: some(text)
      .optional()
      .describe("Names of the header fields that it gets, besides `X-Forwarded-*`. Default: all."),
    copyHeaders: some(text)
      .optional()
      .describe(
        "Names of header fields that its response sets on the request; what the client sent under these names is removed. Default: none over HTTP; with `protocol: grpc` the server decides.",
      ),
    contextExtensions: z
      .record(text, secret(text))
      .optional()
      .describe("Texts that the server gets with each request over gRPC."),
    requestBody: requestBody(words).optional().describe("Sends the body of the request, too. Default: not."),
    failOpen: flag.default(false).describe("Lets requests pass while it does not answer."),
    timeout: duration.prefault("1s").describe("Maximum time until its response."),
  });
};

type Settings = import("zod").output<ReturnType<typeof settings>>;

/**
 * Asks an authorization server. Stands inside rules and limits: a refused request costs no call. Its
 * server is a cluster, which has time limits, a breaker and metrics of its own.
 */
export const extAuthz = definePolicy({
  name: "extAuthz",
  at: ["listener", "route"],
  schema: (words: Vocabulary) =>
    settings(words)
      .optional()
      .describe(
        "Asks an authorization server about each request. Over HTTP it gets a GET request with the header fields of the request, `X-Forwarded-Method` and `X-Forwarded-Uri`. A 2xx response lets the request pass, and any other below 500 goes to the client. Without an answer, clients get 503.",
      ),
  clusters: ({ cluster, protocol }) => [
    protocol === "grpc" ? [["cluster"], cluster, "http2"] : [["cluster"], cluster],
  ],
  check(settings, { path, report }) {
    checkFields([...path, "headers"], settings.headers, report);
    checkFields([...path, "copyHeaders"], settings.copyHeaders, report);
    settings.copyHeaders?.forEach((name, n) => {
      if (isToken(name) && !isSettable(name))
        report([...path, "copyHeaders", n], `must not frame a message or name its host (got "${name}")`);
    });
    checkProtocol(settings, path, report);
  },
  // Simulated origins answer in HTTP.
  notSimulated: ({ protocol }) => (protocol === "grpc" ? "the server allows every request" : undefined),
  events,
  layer: (settings, { cluster, observe, timed, clock }: ListenerEnvironment) => {
    const { headers, copyHeaders, failOpen, timeout } = settings;
    const common = {
      service: cluster(settings.cluster),
      ...defined({ headers, copyHeaders }),
      failOpen,
      timeoutMs: timeout,
      observer: {
        ...observe(events),
        answered: timed("ext-authz", ["allowed", "refused", "unavailable"]),
      },
      clock,
    };
    const body = settings.requestBody && {
      maxBytes: settings.requestBody.max,
      allowPartial: settings.requestBody.allowPartial,
    };
    if (settings.protocol === "http")
      return extAuthzLayer<Asked>({ ...common, ...defined({ path: settings.path, requestBody: body }) });
    return grpcExtAuthz<Asked>({
      ...common,
      authority: settings.cluster,
      ...defined({ contextExtensions: settings.contextExtensions }),
      ...(body && { requestBody: { ...body, asBytes: settings.requestBody?.asBytes ?? false } }),
    });
  },
  answers: {
    AuthorizationUnavailable: (_: AuthorizationUnavailable): Answer => ({
      status: 503,
      message: "the request cannot be authorized now",
      headers: soon,
    }),
    BodyTooLarge: ({ maxBytes }: BodyTooLarge): Answer => ({
      status: 413,
      message: `request body over ${maxBytes} bytes`,
    }),
  },
  grpc: { BodyTooLarge: "RESOURCE_EXHAUSTED" },
  explain: ({ cluster, failOpen }) => ({
    text: `asks the cluster ${cluster}${failOpen ? ", and passes without an answer" : ""}`,
    passes: true,
  }),
});

function checkFields(path: Path, names: readonly string[] | undefined, report: Report): void {
  names?.forEach((name, n) => checkField([...path, n], name, report));
}

/** Reports settings of the other protocol, since their author expects an effect. */
function checkProtocol(
  { protocol, path: called, contextExtensions, requestBody: body }: Settings,
  path: Path,
  report: Report,
): void {
  const none = (at: string, field: string) =>
    report([...path, ...field.split(".")], `has no effect with protocol: ${at}`, [[...path, "protocol"]]);
  if (protocol === "grpc" && called !== undefined) none("grpc", "path");
  if (protocol === "http" && contextExtensions !== undefined) none("http", "contextExtensions");
  if (protocol === "http" && body?.asBytes) none("http", "requestBody.asBytes");
}
