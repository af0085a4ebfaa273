import { X509Certificate } from "node:crypto";
import type { Socket } from "node:net";
import { createSecureContext, createServer, type SecureContext, type Server, type TLSSocket } from "node:tls";
import { checkOneOf, notShown, rangeError } from "@pagoda/core";
import { subjectOf } from "./peer.ts";

/** A certificate with those that it is signed by, and its key; both PEM. */
export interface ServerCertificate {
  readonly certificate: string;
  readonly key: string;
}

/** How TLS ends at a server. */
export interface ServerTls {
  /** Chosen by the name that the client asks for: exact names first, then wildcards; the first one where none fits. */
  readonly certificates: readonly ServerCertificate[];
  /** Default `TLSv1.2`. */
  readonly minVersion?: "TLSv1.2" | "TLSv1.3";
  /** In OpenSSL's words. Default: Node's. */
  readonly ciphers?: string;
  /** Clients show a certificate that one of these authorities (PEM) has signed: all of them, or those that have one. */
  readonly clients?: { readonly ca: string; readonly required: boolean };
  /**
   * 48 bytes with which sessions are sealed that clients bring again, to save a part of the handshake: a secret. Servers
   * with the same ones know each other's; who changes whom it trusts changes them, too. Default: new ones.
   */
  readonly ticketKeys?: Uint8Array;
}

const ticketBytes = 48;

/** From the connection to the end of its handshake. */
const handshakeMs = 10_000;

/** What is told of connections that have become secure, or have not. */
export interface TlsEvents {
  secure(socket: TLSSocket): void;
  failed(reason: string): void;
  /** Somebody speaks plain HTTP. */
  plain(socket: TLSSocket): void;
}

/** OpenSSL knows how requests begin. */
const isPlainHttp: ReadonlySet<string> = new Set(["ERR_SSL_HTTP_REQUEST", "ERR_SSL_HTTPS_PROXY_REQUEST"]);

/** Makes plain connections secure. It does not listen: another one can take its place while its connections live on. */
export class TlsEnd {
  readonly #server: Server;

  /** @throws RangeError that names what is wrong with a certificate, a key or the ciphers. */
  constructor(tls: ServerTls, protocols: readonly string[], { secure, failed, plain }: TlsEvents) {
    const { certificates, minVersion = "TLSv1.2", ciphers, clients, ticketKeys } = tls;
    if (ticketKeys !== undefined)
      checkOneOf("serve: length of tls.ticketKeys", ticketKeys.length, [ticketBytes]);
    if (certificates.length === 0)
      throw rangeError("serve: tls.certificates", "a list of at least one certificate", certificates);
    const common = {
      minVersion,
      ...(ciphers !== undefined && { ciphers }),
      ...(clients && { ca: clients.ca }),
    };
    const byName = new Map<string, SecureContext>();
    certificates.forEach(({ certificate: cert, key }, at) => {
      const path = `tls.certificates[${at}]`;
      const names = namesOf(cert, path);
      const context = secureContext({ ...common, cert, key }, path);
      for (const name of names) if (!byName.has(name)) byName.set(name, context);
    });
    if (clients !== undefined) namesOf(clients.ca, "tls.clients.ca");
    const [first] = certificates;
    this.#server = createServer({
      ...common,
      cert: first?.certificate,
      key: first?.key,
      ALPNProtocols: [...protocols],
      handshakeTimeout: handshakeMs,
      ...(ticketKeys !== undefined && { ticketKeys: Buffer.from(ticketKeys) }),
      // Node's default is made of the command line, which differs among processes that share the keys.
      sessionIdContext: "pagoda",
      requestCert: clients !== undefined,
      // Who shows a certificate that is not trusted is refused, also where none is required: see `secure`.
      rejectUnauthorized: clients?.required === true,
      SNICallback: (name, done) => done(null, contextFor(byName, name.toLowerCase())),
    });
    this.#server.on("secureConnection", (socket: TLSSocket) => {
      if (clients !== undefined && !socket.authorized && hasCertificate(socket)) {
        failed(`the client's certificate: ${socket.authorizationError?.toString() ?? "not trusted"}`);
        socket.destroy();
      } else secure(socket);
    });
    this.#server.on("tlsClientError", (error: NodeJS.ErrnoException, socket: TLSSocket) => {
      failed(error.code ?? error.message);
      if (error.code !== undefined && isPlainHttp.has(error.code)) plain(socket);
      else socket.destroy();
    });
  }

  accept(socket: Socket): void {
    this.#server.emit("connection", socket);
  }
}

function secureContext(options: Parameters<typeof createSecureContext>[0], path: string): SecureContext {
  try {
    return createSecureContext(options);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const expected = `what OpenSSL accepts: ${reason}`;
    if (/cipher/i.test(reason)) throw rangeError("serve: tls.ciphers", expected, options?.ciphers, cause);
    throw rangeError(`serve: ${path}`, expected, notShown, cause);
  }
}

/** The names that a certificate is for. */
function namesOf(certificate: string, path: string): readonly string[] {
  let parsed: X509Certificate;
  try {
    parsed = new X509Certificate(certificate);
  } catch (cause) {
    throw rangeError(`serve: ${path}`, "a certificate in PEM", notShown, cause);
  }
  const { names, common } = subjectOf(parsed);
  const all = names.length > 0 || common === undefined ? names : [common];
  return all.map((name) => name.toLowerCase());
}

function contextFor(byName: ReadonlyMap<string, SecureContext>, name: string): SecureContext | undefined {
  const dot = name.indexOf(".");
  return byName.get(name) ?? (dot < 0 ? undefined : byName.get(`*${name.slice(dot)}`));
}

function hasCertificate(socket: TLSSocket): boolean {
  return Object.keys(socket.getPeerCertificate()).length > 0;
}
