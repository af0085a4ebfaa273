import {
  type Body,
  type BodyFlow,
  emptyBody,
  HttpHeaders,
  type HttpRequest,
  httpRequest,
  type HttpResponse,
  httpResponse,
  PushBody,
} from "@pagoda/http";

type Fields = Readonly<Record<string, string | readonly string[]>>;

/** A gRPC request with more headers. */
export function grpcRequest(fields: Fields = {}): HttpRequest {
  return httpRequest("http://shop.example/shop.Carts/Get", {
    method: "POST",
    headers: { "content-type": "application/grpc", ...fields },
  });
}

/** A gRPC response with more headers. */
export function grpcResponse(fields: Fields = {}, body: Body = emptyBody): HttpResponse {
  return httpResponse(200, body, { "content-type": "application/grpc", ...fields });
}

/** A body controlled by the test. */
export class ScriptedBody extends PushBody {
  readonly length = undefined;
  /** How often the source was resumed. */
  wentOn = 0;
  /** Whether the source was cancelled. */
  isStopped = false;

  piece(text: string): boolean {
    return this.push(Buffer.from(text));
  }

  end(trailers: Fields = {}): this {
    this.finish(HttpHeaders.of(trailers));
    return this;
  }

  break(): void {
    this.broken({ _tag: "BodyBroken", origin: "upstream", retryable: false });
  }

  protected goOn(): void {
    this.wentOn++;
  }

  protected stop(): void {
    this.isStopped = true;
  }
}

/** Reads a body: its chunks, then `end` with the trailers, or `broken`. */
export function read(body: Body): { readonly got: string[]; readonly flow: BodyFlow } {
  const got: string[] = [];
  const flow = body.pipe({
    write: (chunk) => got.push(Buffer.from(chunk).toString()) > 0,
    end: (trailers) => got.push("end", ...trailers.raw),
    fail: () => got.push("broken"),
  });
  return { got, flow };
}
