import { seededRandom } from "@pagoda/core/testing";
import { Mutations } from "@pagoda/http/testing";
import { corpus, dictionary, parts } from "./corpus.ts";

/** Makes the input of that number: the same for the same seed, whatever was made before. */
export function inputOf(seed: number, number: number): string {
  if (number < corpus.length) return corpus[number] as string;
  const random = seededRandom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(number, 0x85ebca6b));
  // The first numbers of close seeds are close, too.
  random();
  const mutations = new Mutations(random, corpus, dictionary);
  const base = mutations.below(2) === 0 ? mutations.pick(corpus) : composed(mutations);
  return mutations.mutated(base);
}

/** A request, or several, whose parts are mostly ordinary. */
function composed(mutations: Mutations): string {
  let text = "";
  for (let more = true; more; more = mutations.below(3) === 0) text += composedRequest(mutations);
  return text;
}

function composedRequest(mutations: Mutations): string {
  const rarely = (): boolean => mutations.below(6) === 0;
  let head = rarely()
    ? mutations.pick(parts.lines)
    : `${mutations.pick(["GET", "POST", "PUT", "HEAD", "CUSTOM"])} /${mutations.pick(["", "a", "a?b=c"])} HTTP/1.${mutations.pick([0, 1, 1, 1, 1])}`;
  if (!rarely()) head += "\r\nHost: a";
  for (let count = mutations.below(4); count > 0; count--)
    head += `\r\n${mutations.below(2) === 0 ? mutations.pick(parts.fields) : listField(mutations)}`;
  const body = mutations.pick(parts.bodies);
  switch (mutations.below(4)) {
    case 0:
      return `${head}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    case 1:
      return `${head}\r\nTransfer-Encoding: chunked\r\n\r\n${chunks(mutations, body)}`;
    default:
      return `${head}\r\n\r\n`;
  }
}

function chunks(mutations: Mutations, body: string): string {
  let text = "";
  for (let at = 0; at < body.length;) {
    const chunk = body.slice(at, at + 1 + mutations.below(40));
    at += chunk.length;
    text += `${chunk.length.toString(16)}${extension(mutations)}\r\n${chunk}\r\n`;
  }
  text += `0${extension(mutations)}\r\n`;
  if (mutations.below(4) === 0) text += `${mutations.pick(parts.fields)}\r\n`;
  return `${text}\r\n`;
}

function extension(mutations: Mutations): string {
  return mutations.below(5) === 0
    ? mutations.pick([";a", ";a=b", ';a="b"', ";a;b=c", " ;a", "; a=b", ";"])
    : "";
}

const members: Readonly<Record<string, readonly string[]>> = {
  Connection: [
    "close",
    "keep-alive",
    "upgrade",
    "Close",
    "Keep-Alive",
    "Upgrade",
    "te",
    "close;a",
    '"close"',
    "closes",
  ],
  Upgrade: ["websocket", "WebSocket", "h2c", "websocket/13", "a/b", "xwebsocket"],
  "Transfer-Encoding": ["chunked", "Chunked", "gzip", "identity", "chunked;a", "trailers"],
  "Content-Length": ["0", "5", "1", "00", "+1"],
  Expect: ["100-continue", "100-Continue", "a=b"],
  TE: ["trailers", "gzip;q=1"],
};

/** A field that decides about the connection or the body, whose value may be a list of any form. */
function listField(mutations: Mutations): string {
  const name = mutations.pick(Object.keys(members));
  const written = mutations.pick([name, name, name.toLowerCase(), name.toUpperCase()]);
  const from = members[name] as readonly string[];
  let value = mutations.pick(["", " ", " ", " ", "\t", "  ", ","]) + mutations.pick(from);
  while (mutations.below(3) === 0)
    value += mutations.pick([",", ", ", ", ", " ,", ",\t", ",,", " ", ";", "\t"]) + mutations.pick(from);
  return `${written}:${value}${mutations.pick(["", "", "", " ", "\t", ",", ", "])}`;
}
