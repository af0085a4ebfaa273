import { type Layer, systemClock } from "@pagoda/core";
import { bodyOf, callNotes, HttpHeaders, type HttpRequest, type HttpResponse } from "@pagoda/http";
import type { RequestBodyOptions } from "./content.ts";
import { checkCopied, plain, without } from "./fields.ts";
import { type ExtAuthzFault, guard, type GuardOptions, type Protocol } from "./guard.ts";
import type { checkRequest, checkResponse } from "./grpc/codec.ts";
import { loadCodec } from "./grpc/load-codec.ts";
import { framed, grpcTimeout, unaryMessage } from "./grpc/framing.ts";
import { askedFields } from "./messages.ts";

/** Options of {@link grpcExtAuthz}. */
export interface GrpcExtAuthzOptions<Req extends HttpRequest> extends GuardOptions<Req> {
  /** `:authority` of the calls. Default `ext-authz`. */
  readonly authority?: string;
  /** Names of the header fields that the server gets. Default: all. */
  readonly headers?: readonly string[];
  /**
   * Names of the only header fields that the server sets on requests. Those that the client sent
   * are removed. Default: it may set all, and removes itself what a client must not send.
   */
  readonly copyHeaders?: readonly string[];
  /** Sent to the server with each request. Default: none. */
  readonly contextExtensions?: Readonly<Record<string, string>>;
  readonly requestBody?: GrpcRequestBodyOptions;
}

/** Which part of request bodies the server gets, and how. */
export interface GrpcRequestBodyOptions extends RequestBodyOptions {
  /** Sends bodies as `raw_body`. Default false: as `body` if they are UTF-8. */
  readonly asBytes?: boolean;
}

/** Maximum size of a message from the server, which may contain a page for the client. */
const maxMessageBytes = 1_048_576;

/** Reads and writes the messages of one layer. */
interface Codec {
  readonly message: ReturnType<typeof checkRequest>;
  readonly verdict: ReturnType<typeof checkResponse>;
}

/**
 * Asks an authorization server about each request with Envoy's gRPC protocol,
 * `envoy.service.auth.v3.Authorization/Check`. The server may change the header fields and the query
 * of a request that it allows, and the header fields of its response. Otherwise its response goes to
 * the client: 403 by default.
 *
 * The service must speak HTTP/2: gRPC needs trailers.
 *
 * Place it inside limits for clients, each of whose requests costs a call, and outside everything
 * expensive. It must see the path that is sent: place it inside the router, or behind `normalPaths`.
 *
 * Errors: `AuthorizationUnavailable`, unless `failOpen` is set. `BodyTooLarge` if `requestBody` does
 * not allow to send a part. `Aborted` if the caller aborts before the server answers, or its body
 * breaks off.
 *
 * Cost per call: a call of the server, and about 20 µs for the messages.
 *
 * Source: Envoy's `ext_authz` filter and `external_auth.proto`; gRPC over HTTP/2.
 *
 * @throws RangeError when an option is out of range.
 */
export function grpcExtAuthz<Req extends HttpRequest = HttpRequest>({
  authority = "ext-authz",
  headers,
  copyHeaders,
  contextExtensions = {},
  ...options
}: GrpcExtAuthzOptions<Req>): Layer<Req, unknown, ExtAuthzFault, never, HttpResponse, HttpResponse> {
  checkCopied(copyHeaders ?? []);
  const isAsked = askedFields(headers);
  const copied = copyHeaders && new Set(copyHeaders.map(plain));
  const asBytes = options.requestBody?.asBytes ?? false;
  let codec: Codec | undefined;
  const loadedCodec = async (): Promise<Codec> => {
    const { checkRequest, checkResponse } = await loadCodec();
    return {
      message: checkRequest({ isAsked, contextExtensions, asBytes, clock: options.clock ?? systemClock }),
      verdict: checkResponse(copied),
    };
  };
  const grpc: Protocol = {
    options: { protocol: "grpc", ...(copyHeaders && { copyHeaders }) },
    request: async (request, content, timeoutMs) => ({
      ...request,
      method: "POST",
      authority,
      path: "/envoy.service.auth.v3.Authorization/Check",
      written: undefined,
      query: "",
      headers: new HttpHeaders([
        "content-type",
        "application/grpc",
        "te",
        "trailers",
        "grpc-timeout",
        grpcTimeout(timeoutMs),
      ]),
      body: bodyOf(framed((codec ??= await loadedCodec()).message(request, content))),
      upgrade: undefined,
      upgradeContent: undefined,
      onInformation: undefined,
      notes: callNotes(),
    }),
    async verdict(response, signal) {
      const answer = await unaryMessage(response, maxMessageBytes, signal);
      if (typeof answer === "string") return { kind: "unavailable", reason: answer };
      return (codec as Codec).verdict(answer);
    },
    unanswered: (request) =>
      copied === undefined ? request : { ...request, headers: without(request.headers, copied) },
  };
  return guard(grpc, options);
}
