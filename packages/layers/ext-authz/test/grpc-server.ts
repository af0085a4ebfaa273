import {
  type CheckAnswer,
  type CheckRequest,
  readCheckRequest,
  writeCheckResponse,
} from "@pagoda/ext-authz/testing";
import { HttpHeaders, type HttpRequest, type HttpResponse, PushBody } from "@pagoda/http";
import { framed, unframed } from "../src/grpc/framing.ts";

/** What a server has been asked. */
export async function askedOf({ body }: HttpRequest): Promise<CheckRequest> {
  const bytes = await body.bytes();
  if (bytes._tag === "Left") throw new Error(`no body: ${bytes.left._tag}`);
  const message = unframed(bytes.right);
  if (message === undefined) throw new Error("not one message");
  return readCheckRequest(message);
}

class Trailed extends PushBody {
  readonly length = undefined;
  protected goOn(): void {}
  protected stop(): void {}
  static of(bytes: Uint8Array, trailers: Readonly<Record<string, string>>): Trailed {
    const body = new Trailed();
    if (bytes.length > 0) body.push(bytes);
    body.finish(HttpHeaders.of(trailers));
    return body;
  }
}

/** A gRPC response with these bytes and trailers. */
export function grpcResponse(
  bytes: Uint8Array,
  trailers: Readonly<Record<string, string>> = { "grpc-status": "0" },
): HttpResponse {
  return {
    status: 200,
    headers: HttpHeaders.of({ "content-type": "application/grpc" }),
    body: Trailed.of(bytes, trailers),
  };
}

/** A response with this message. */
export function answering(answer: CheckAnswer): HttpResponse {
  return grpcResponse(framed(writeCheckResponse(answer)));
}

/** A field that is set as `append` says. */
export function field(key: string, value: string, append?: boolean) {
  return { header: { key, value }, ...(append !== undefined && { append }) };
}
