import { Server, ServerCredentials, status } from "@grpc/grpc-js";
import {
  type CheckAnswer,
  checkPath,
  type CheckRequest,
  readCheckRequest,
  writeCheckResponse,
} from "@pagoda/ext-authz/testing";

export type { CheckAnswer, CheckRequest };

/** What a server does instead of answering. */
export type Failure = "error" | "hang" | "nonsense";

export interface AuthzServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** What it was asked, in order. */
  readonly asked: CheckRequest[];
}

const check = {
  path: checkPath,
  requestStream: false,
  responseStream: false,
  requestSerialize: (): Buffer => {
    throw new Error("a server only");
  },
  requestDeserialize: readCheckRequest,
  responseSerialize: (bytes: Uint8Array) => Buffer.from(bytes),
  responseDeserialize: (bytes: Buffer): Uint8Array => bytes,
} as const;

/** A gRPC authorization server. */
export async function authzServer(
  decide: (request: CheckRequest) => CheckAnswer | Failure,
): Promise<AuthzServer> {
  const asked: CheckRequest[] = [];
  const server = new Server();
  server.addService(
    { check },
    {
      check: (
        call: { request: CheckRequest },
        answer: (error: object | null, bytes?: Uint8Array) => void,
      ) => {
        asked.push(call.request);
        const decision = decide(call.request);
        if (decision === "error") answer({ code: status.INTERNAL, details: "broken" });
        else if (decision === "nonsense") answer(null, Uint8Array.of(0xff, 0xff, 0xff));
        else if (decision !== "hang") answer(null, writeCheckResponse(decision));
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    asked,
    [Symbol.asyncDispose]: async () => server.forceShutdown(),
  };
}

/** The value of a field of the request that is asked about. */
export function fieldOf(request: CheckRequest, name: string): string | undefined {
  return request.attributes?.request?.http?.headers[name];
}
