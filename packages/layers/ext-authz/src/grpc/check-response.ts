import { create, fromBinary } from "@bufbuild/protobuf";
import { bodyOf, emptyBody, type HttpRequest, type HttpResponse } from "@pagoda/http";
import { isBodilessStatus } from "@pagoda/http/grammar";
import { plain, without } from "../fields.ts";
import {
  type CheckResponse,
  CheckResponseSchema,
  type DeniedHttpResponse,
  type OkHttpResponse,
  OkHttpResponseSchema,
} from "../generated/external_auth_pb.ts";
import type { Verdict } from "../guard.ts";
import { changed, fieldChanges, onCopied, onRequest, onResponse, possibleFields } from "./changes.ts";
import { editedQuery } from "./query.ts";

/** `PERMISSION_DENIED` is answered like this, unless the server says otherwise. */
const forbidden = 403;

/**
 * Returns a function that reads a serialized `CheckResponse`.
 *
 * @param copied The only fields of requests that the server may set, as `plain` returns their names;
 * those of clients are removed. Undefined: it may set all.
 */
export function checkResponse(copied: ReadonlySet<string> | undefined): (message: Uint8Array) => Verdict {
  return (message) => {
    const response = decoded(message);
    if (response === undefined) return { kind: "unavailable", reason: "failed" };
    const { status, httpResponse } = response;
    const code = status?.code ?? 0;
    if (code === 0)
      return allowed(httpResponse.case === "okResponse" ? httpResponse.value : noChanges, copied);
    if (httpResponse.case === "errorResponse") return { kind: "unavailable", reason: "status" };
    const denied = httpResponse.case === "deniedResponse" ? httpResponse.value : undefined;
    return { kind: "refused", response: refusal(denied) };
  };
}

function decoded(message: Uint8Array): CheckResponse | undefined {
  try {
    return fromBinary(CheckResponseSchema, message);
  } catch {
    return undefined;
  }
}

const noChanges = create(OkHttpResponseSchema);

function allowed(ok: OkHttpResponse, copied: ReadonlySet<string> | undefined): Verdict {
  const { queryParametersToSet, queryParametersToRemove } = ok;
  const set = ok.headers.filter(({ header }) => copied?.has(plain(header?.key ?? "")) ?? true);
  const changes = fieldChanges(set, copied === undefined ? onRequest : onCopied);
  const answered = fieldChanges(ok.responseHeadersToAdd, onResponse);
  if (changes === undefined || answered === undefined) return { kind: "unavailable", reason: "invalid" };
  const removed = new Set(ok.headersToRemove.map(plain));
  // The host is the request's, not one of its fields.
  removed.delete("host");
  return {
    kind: "allowed",
    editRequest: <Req extends HttpRequest>(request: Req): Req => {
      const base = copied === undefined ? request.headers : without(request.headers, copied);
      return {
        ...request,
        query: editedQuery(request.query, queryParametersToSet, queryParametersToRemove),
        headers: without(changed(base, changes), removed),
      };
    },
    ...(answered.length > 0 && {
      editResponse: <Res extends HttpResponse>(response: Res): Res => ({
        ...response,
        headers: changed(response.headers, answered),
      }),
    }),
  };
}

function refusal(denied: DeniedHttpResponse | undefined): HttpResponse {
  const given = denied?.status?.code ?? 0;
  const status = given >= 200 && given <= 599 ? given : forbidden;
  const headers = possibleFields(denied?.headers ?? []);
  const content = isBodilessStatus(status) ? "" : (denied?.body ?? "");
  const typed = content === "" || headers.has("content-type");
  return {
    status,
    headers: typed ? headers : headers.append("content-type", "text/plain"),
    body: content === "" ? emptyBody : bodyOf(content),
  };
}
