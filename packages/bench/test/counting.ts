// Preloaded into a program under test: counts what its requests cost, and reports it on a socket of its own.
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { GCProfiler, promiseHooks, setFlagsFromString } from "node:v8";

/** Totals since the previous report. */
export interface Counts {
  /** Calls into the kernel for TCP connections. */
  readonly reads: number;
  readonly writes: number;
  readonly promises: number;
  /** Bytes of V8's heap. */
  readonly allocated: number;
}

type Method = (this: object, ...args: unknown[]) => unknown;

// Optimized code allocates less, from a moment on that depends on how busy the machine is.
setFlagsFromString("--no-opt");
setFlagsFromString("--no-maglev");
setFlagsFromString("--no-sparkplug");
setFlagsFromString("--no-flush-bytecode");

let reads = 0;
let writes = 0;
let promises = 0;
promiseHooks.onInit(() => promises++);
await countCalls();

let collections = new GCProfiler();
let usedBefore = 0;
report(createServer());

/** Replaces methods of the handles of TCP connections. */
async function countCalls(): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const prototype = Object.getPrototypeOf((server as unknown as { _handle: object })._handle) as Record<
    string,
    Method
  >;
  server.close();
  for (const name of ["writev", "writeBuffer", "writeUtf8String", "writeAsciiString", "writeLatin1String"]) {
    const original = prototype[name] as Method;
    prototype[name] = function (...args) {
      writes++;
      return original.apply(this, args);
    };
  }
  const inherited = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(prototype), "onread");
  Object.defineProperty(prototype, "onread", {
    ...inherited,
    set(this: object, listener: Method) {
      inherited?.set?.call(this, function (this: object, ...args: unknown[]) {
        reads++;
        return listener.apply(this, args);
      });
    },
  });
}

/** A connection to this server gets the counts, and they start again. */
function report(server: Server): void {
  server.on("connection", (socket) => {
    const used = process.memoryUsage().heapUsed;
    const collected = (collections.stop()?.statistics ?? []).reduce(
      (sum, { beforeGC, afterGC }) =>
        sum + beforeGC.heapStatistics.usedHeapSize - afterGC.heapStatistics.usedHeapSize,
      0,
    );
    const counts: Counts = { reads, writes, promises, allocated: used - usedBefore + collected };
    socket.end(JSON.stringify(counts));
    socket.on("close", () => {
      reads = writes = promises = 0;
      collections = new GCProfiler();
      collections.start();
      usedBefore = process.memoryUsage().heapUsed;
    });
  });
  server.listen(join(process.env["COUNTING_FOLDER"] ?? "", `${process.pid}.sock`));
  server.unref();
}
