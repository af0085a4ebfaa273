import {
  Client,
  credentials,
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  status,
} from "@grpc/grpc-js";

const text = {
  requestSerialize: (value: string) => Buffer.from(value),
  requestDeserialize: (bytes: Buffer) => bytes.toString(),
  responseSerialize: (value: string) => Buffer.from(value),
  responseDeserialize: (bytes: Buffer) => bytes.toString(),
};

/** A service with plain-text messages, which needs no proto file. */
export const shop = {
  unary: { path: "/test.Shop/Unary", requestStream: false, responseStream: false, ...text },
  upload: { path: "/test.Shop/Upload", requestStream: true, responseStream: false, ...text },
  download: { path: "/test.Shop/Download", requestStream: false, responseStream: true, ...text },
  chat: { path: "/test.Shop/Chat", requestStream: true, responseStream: true, ...text },
} as const satisfies ServiceDefinition;

export interface Shop extends AsyncDisposable {
  readonly port: number;
  /** Calls cancelled by a client. */
  readonly cancelled: string[];
}

/** A gRPC server that answers as requested. */
export async function openShop(): Promise<Shop> {
  const cancelled: string[] = [];
  const unary: handleUnaryCall<string, string> = (call, answer) => {
    const { request, metadata } = call;
    call.on("cancelled", () => cancelled.push(request));
    if (request === "wait") return;
    if (request === "fail") {
      const trailers = new Metadata();
      trailers.set("why", "because");
      trailers.set("why-bin", Buffer.from([0, 255]));
      answer({ code: status.FAILED_PRECONDITION, details: "not now: ü", metadata: trailers });
      return;
    }
    const head = new Metadata();
    for (const key of ["x-text", "x-bytes-bin"]) for (const value of metadata.get(key)) head.add(key, value);
    call.sendMetadata(head);
    answer(null, `${request} ${String(metadata.get("x-forwarded-proto")[0])}`);
  };
  const upload: handleClientStreamingCall<string, string> = (call, answer) => {
    const all: string[] = [];
    call.on("data", (each: string) => all.push(each)).on("end", () => answer(null, all.join(",")));
  };
  const download: handleServerStreamingCall<string, string> = (call) => {
    call.on("cancelled", () => cancelled.push(call.request));
    if (call.request === "endless") {
      const more = (): void => {
        while (call.write("more"));
      };
      call.on("drain", more);
      more();
      return;
    }
    for (const each of call.request.split(",")) call.write(each);
    call.end();
  };
  const chat: handleBidiStreamingCall<string, string> = (call) => {
    call.on("data", (each: string) => call.write(`re: ${each}`)).on("end", () => call.end());
  };
  const server = new Server();
  server.addService(shop, { unary, upload, download, chat });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { port, cancelled, [Symbol.asyncDispose]: async () => server.forceShutdown() };
}

/** A client for it, at the host of a URL. */
export class ShopClient extends Client implements Disposable {
  /** @param ca Over TLS, with a certificate for `shop.test`. */
  constructor(url: string, ca?: string) {
    const { host } = new URL(url);
    if (ca === undefined) super(host, credentials.createInsecure());
    // Node does not accept an address as the name in a certificate.
    else
      super(host, credentials.createSsl(Buffer.from(ca)), { "grpc.ssl_target_name_override": "shop.test" });
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
