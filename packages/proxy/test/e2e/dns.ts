import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type Answer, decode, encode } from "dns-packet";

/** A DNS server that knows only these records. */
export interface Dns extends Disposable {
  /** `127.0.0.1:5353` */
  readonly address: string;
  readonly records: Answer[];
}

export async function openDns(): Promise<Dns> {
  const records: Answer[] = [];
  const socket = createSocket("udp4");
  socket.on("message", (message, { address, port }) => {
    const { id = 0, questions = [] } = decode(message);
    const answers = records.filter(({ name, type }) =>
      questions.some((question) => question.name === name && question.type === type),
    );
    socket.send(encode({ type: "response", id, questions, answers }), port, address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return {
    address: `127.0.0.1:${socket.address().port}`,
    records,
    [Symbol.dispose]: () => void socket.close(),
  };
}
