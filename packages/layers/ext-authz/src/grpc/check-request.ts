import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Clock } from "@pagoda/core";
import { clientOf, type FromClient, type HttpRequest, type Identified } from "@pagoda/http";
import type { Content } from "../content.ts";
import type { AttributeContext_PeerSchema } from "../generated/attribute_context_pb.ts";
import { CheckRequestSchema } from "../generated/external_auth_pb.ts";
import { partialBody, targetOf } from "../messages.ts";
import { fieldText, textOf } from "./text.ts";

/** What messages contain besides the request. */
export interface CheckRequestOptions {
  readonly isAsked: (name: string) => boolean;
  readonly contextExtensions: Readonly<Record<string, string>>;
  /** Sends all bodies as `raw_body`. */
  readonly asBytes: boolean;
  readonly clock: Clock;
}

type Asked = HttpRequest & Partial<FromClient & Identified>;

const protocols = { "1.0": "HTTP/1.0", "1.1": "HTTP/1.1", "2": "HTTP/2" } as const;

/** Returns a function that makes the serialized `CheckRequest` about a request. */
export function checkRequest({
  isAsked,
  contextExtensions,
  asBytes,
  clock,
}: CheckRequestOptions): (request: Asked, content: Content | undefined) => Uint8Array {
  return (request, content) => {
    const { method, scheme, version, authority, requestId = "" } = request;
    const path = targetOf(request);
    const fields = fieldsOf(request, isAsked);
    const pseudo = { ":method": method, ":scheme": scheme, ":authority": authority, ":path": path };
    for (const [name, value] of Object.entries(pseudo)) fields.set(name, value);
    if (content !== undefined) fields.set(partialBody, String(content.isPartial));
    const text = content === undefined || asBytes ? undefined : textOf(content.bytes);
    return toBinary(
      CheckRequestSchema,
      create(CheckRequestSchema, {
        attributes: {
          source: sourceOf(request),
          destination: {},
          request: {
            time: timestampFromMs(clock.wallTime()),
            http: {
              id: requestId,
              method,
              headers: Object.fromEntries(fields),
              path,
              host: authority,
              scheme,
              size: BigInt(request.body.length ?? -1),
              protocol: protocols[version],
              ...(text !== undefined
                ? { body: text }
                : content !== undefined && { rawBody: content.bytes as Uint8Array<ArrayBuffer> }),
            },
          },
          contextExtensions: { ...contextExtensions },
        },
      }),
    );
  };
}

/** The fields by their names in lower case, with the values of repeated ones joined. */
function fieldsOf({ headers }: HttpRequest, isAsked: (name: string) => boolean): Map<string, string> {
  const fields = new Map<string, string>();
  for (const [name, value] of headers) {
    const lower = name.toLowerCase();
    // Said by the layer.
    if (lower === partialBody || !isAsked(lower)) continue;
    const before = fields.get(lower);
    const text = fieldText(value);
    fields.set(lower, before === undefined ? text : `${before}${lower === "cookie" ? "; " : ","}${text}`);
  }
  return fields;
}

/** The client; with its port if nobody stands in between. */
function sourceOf(request: Asked): MessageInitShape<typeof AttributeContext_PeerSchema> {
  const client = clientOf(request);
  if (client === undefined) return {};
  const { peer } = request;
  const port = peer !== undefined && peer.address === client.address ? peer.port : 0;
  return {
    address: {
      address: {
        case: "socketAddress",
        value: { address: client.address, portSpecifier: { case: "portValue", value: port } },
      },
    },
    principal: client.identity ?? "",
  };
}
