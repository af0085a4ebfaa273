import { once } from "node:events";
import {
  connect as connectHttp2,
  createServer as createHttp2Server,
  type ServerHttp2Stream,
} from "node:http2";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import * as fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { ClientConnection } from "../../src/http2/client-connection.ts";
import { type FrameHandler, FrameReader } from "../../src/http2/frame-reader.ts";
import { clientPreface, setting } from "../../src/http2/frames.ts";
import { Decoder } from "../../src/http2/hpack/decoder.ts";
import { Heard, ok, settingsFrame } from "./wire.ts";

const pseudo = [":method", "POST", ":scheme", "http", ":authority", "a", ":path", "/"];

const text = fc.string({
  unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
  maxLength: 60,
});
const value = fc.oneof(
  fc.constantFrom("", "a", "text/plain; charset=utf-8", "x".repeat(127), "y".repeat(128), "z".repeat(5_000)),
  fc.integer({ min: 0, max: 20 }).map((n) => `value ${n}`),
  text,
  fc
    .uint8Array({ maxLength: 30 })
    .map((bytes) => `<${Buffer.from(bytes.map((byte) => byte | 0x80)).toString("latin1")}>`),
);
const name = fc.oneof(
  fc.constantFrom("accept", "user-agent", "x-request-id", "cookie", "authorization", "cache-control", "x-a"),
  fc.integer({ min: 0, max: 99 }).map((n) => `x-${n}`),
);
const list = fc.array(fc.tuple(name, value), { maxLength: 15 }).map((fields) => fields.flat());
/** Node's client refuses to repeat fields with one value. */
const single = new Set(["user-agent", "authorization"]);
const listForNode = fc
  .uniqueArray(fc.tuple(name, value), {
    maxLength: 15,
    comparator: ([a], [b]) => a === b && single.has(a),
  })
  .map((fields) => fields.flat());
/** Lists of fields, one after the other on one connection. */
const several = { minLength: 1, maxLength: 20 };

async function listening(server: Server): Promise<number> {
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

describe("header blocks mean the same to nghttp2:", () => {
  test.each([0, 100, 4_096, 65_536])(
    "those of Encoder, with a table of %d bytes",
    async (headerTableSize) => {
      const server = createHttp2Server({ settings: { headerTableSize }, maxHeaderListPairs: 1_000 });
      const got: string[][] = [];
      server.on("stream", (stream: ServerHttp2Stream, _headers, _flags, raw: string[]) => {
        got.push(raw.slice(pseudo.length));
        stream.respond({ ":status": 200 }, { endStream: true });
        // Another size from time to time.
        if (got.length % 7 === 0) stream.session?.settings({ headerTableSize: (got.length * 31) % 5_000 });
      });
      const socket = connect(await listening(server), "127.0.0.1");
      onTestFinished(() => void socket.destroy());
      const opened = Promise.withResolvers<void>();
      const connection = new ClientConnection(socket, {
        opened: opened.resolve,
        leaving() {},
        readPassed() {},
        closed: opened.reject,
      });
      socket.on("data", (bytes: Buffer) => connection.read(bytes, bytes.length));
      await opened.promise;
      await fc.assert(
        fc.asyncProperty(fc.array(list, several), async (all) => {
          got.length = 0;
          const closed = all.map((fields) => {
            const { promise, resolve } = Promise.withResolvers<Error | undefined>();
            const heard = Object.assign(new Heard(), { closed: resolve });
            connection.request([...pseudo, ...fields], "POST", true, heard);
            return promise;
          });
          expect(await Promise.all(closed)).toEqual(all.map(() => undefined));
          expect(got).toEqual(all);
        }),
        { numRuns: 30 },
      );
    },
  );

  test.each([0, 100, 4_096, 16_384])("those for Decoder, with a table of %d bytes", async (tableSize) => {
    const decoder = new Decoder(tableSize);
    const got: string[][] = [];
    let read = (_bytes: Buffer): void => {};
    const arrived: (() => void)[] = [];
    const handler: FrameHandler = {
      dataBegins() {},
      data() {},
      dataEnds() {},
      headers(_stream, _isLast, bytes, from, to) {
        const fields: string[] = [];
        decoder.decode(bytes, from, to, {
          field: ({ text: each }, content, isValid) => {
            expect(isValid).toBe(true);
            fields.push(each, content);
          },
        });
        got.push(fields.slice(pseudo.length));
        arrived.shift()?.();
      },
      control() {},
    };
    const server = createServer((socket: Socket) => {
      const reader = new FrameReader({
        ...handler,
        headers(stream, ...block) {
          handler.headers(stream, ...block);
          socket.write(ok(stream, true));
        },
      });
      let left = clientPreface.length;
      socket.write(settingsFrame([setting.headerTableSize, tableSize]));
      read = (bytes) => {
        const skipped = Math.min(left, bytes.length);
        left -= skipped;
        reader.read(bytes.subarray(skipped), bytes.length - skipped);
      };
      socket.on("data", (bytes: Buffer) => read(bytes)).on("error", () => {});
    });
    const session = connectHttp2(`http://127.0.0.1:${await listening(server)}`);
    onTestFinished(() => void session.destroy());
    session.on("error", () => {});
    await once(session, "remoteSettings");
    await fc.assert(
      fc.asyncProperty(fc.array(listForNode, several), async (all) => {
        got.length = 0;
        const done = all.map((fields) => {
          const { promise, resolve } = Promise.withResolvers<void>();
          arrived.push(resolve);
          const stream = session.request([...pseudo, ...fields] as never, { endStream: true });
          stream.on("error", () => {}).resume();
          return promise;
        });
        await Promise.all(done);
        expect(got).toEqual(all);
      }),
      { numRuns: 30 },
    );
  });
});
