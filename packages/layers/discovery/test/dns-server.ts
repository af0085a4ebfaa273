import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type Answer, decode, encode, type RecordType, RECURSION_DESIRED } from "dns-packet";

/** A DNS server on the loopback interface. */
export interface DnsServer {
  /** For a resolver's `setServers`. */
  readonly address: string;
  /** Records by name; all other names do not exist. */
  readonly records: Answer[];
  /** Names answered with a response code, or not at all. */
  readonly troubles: Map<string, "servfail" | "refused" | "silent">;
  /** Settles when a query for this name and type arrives. */
  asked(name: string, type: RecordType): Promise<void>;
  close(): void;
}

const rcodes = { ok: 0, servfail: 2, nxdomain: 3, refused: 5 } as const;

export async function dnsServer(): Promise<DnsServer> {
  const socket = createSocket("udp4");
  const records: Answer[] = [];
  const troubles: DnsServer["troubles"] = new Map();
  const waiting = new Map<string, () => void>();

  socket.on("message", (message, { address, port }) => {
    const { id = 0, questions = [] } = decode(message);
    const { name, type } = questions[0] as { readonly name: string; readonly type: RecordType };
    waiting.get(`${type} ${name}`)?.();
    const trouble = troubles.get(name);
    if (trouble === "silent") return;
    const ofName = records.filter((record) => record.name === name);
    const rcode = rcodes[trouble ?? (ofName.length > 0 ? "ok" : "nxdomain")];
    const answers = trouble === undefined ? ofName.filter((record) => record.type === type) : [];
    socket.send(
      encode({ type: "response", id, flags: RECURSION_DESIRED | rcode, questions, answers }),
      port,
      address,
    );
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");

  return {
    address: `127.0.0.1:${socket.address().port}`,
    records,
    troubles,
    asked: (name, type) => new Promise((resolve) => waiting.set(`${type} ${name}`, resolve)),
    close: () => socket.close(),
  };
}
