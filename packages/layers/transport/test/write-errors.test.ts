import { createServer, connect, type AddressInfo, Socket } from "node:net";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { holdWriteErrors } from "../src/write-errors.ts";

/** Two ends of one connection. */
async function pair(): Promise<readonly [Socket, Socket]> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [[other]] = (await Promise.all([once(server, "connection"), once(socket, "connect")])) as [
    [Socket],
    [],
  ];
  onTestFinished(() => {
    for (const each of [socket, other]) each.destroy();
    server.close();
  });
  return [socket, other];
}

// Defect: on Bun every write after two that were corked waited forever.
test("a socket whose _writev calls _write, as Bun's does, continues after it", async () => {
  const [socket, other] = await pair();
  socket._writev = (chunks, callback) => {
    const bytes = Buffer.concat(chunks.map(({ chunk }) => chunk as Buffer));
    socket._write(bytes, "buffer" as BufferEncoding, callback);
  };
  holdWriteErrors(socket, () => {});
  socket.cork();
  for (const part of ["a", "b"]) socket.write(Buffer.from(part));
  socket.uncork();
  socket.end("c");
  let text = "";
  for await (const chunk of other.setEncoding("latin1")) text += chunk as string;
  expect(text).toBe("abc");
});

test("a failed write is reported and does not end reading", async () => {
  const [socket, other] = await pair();
  const failure = new Error("not written");
  socket._write = (_chunk, _encoding, callback) => callback(failure);
  const failed = new Promise<Error>((resolve) => holdWriteErrors(socket, resolve));
  socket.write("a");
  expect(await failed).toBe(failure);
  other.write("b");
  expect(String(await once(socket, "data"))).toBe("b");
});
