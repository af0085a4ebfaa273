import { X509Certificate } from "node:crypto";
import type { Socket } from "node:net";
import { createSecureContext, createServer, type SecureContext, type Server, type TLSSocket } from "node:tls";
import { checkOneOf, notShown, rangeError } from "@pagoda/core";
import { subjectOf } from "./peer.ts";

/** A certificate chain and its key, both PEM. */
export interface ServerCertificate {
  readonly certificate: string;
  readonly key: string;
}

/** TLS settings of a server. */
export interface ServerTls {
  /**
   * Selected by server name (SNI): exact names first, then wildcards, otherwise the first
   * certificate.
   */
  readonly certificates: readonly ServerCertificate[];
  /** Default `TLSv1.2`. */
  readonly minVersion?: "TLSv1.2" | "TLSv1.3";
  /** Ciphers in OpenSSL's format. Default: Node's. */
  readonly ciphers?: string;
  /**
   * Verifies client certificates against these authorities (PEM). `required`: clients without one
   * are refused.
   */
  readonly clients?: { readonly ca: string; readonly required: boolean };
  /**
   * Session ticket keys, 48 secret bytes, with which clients resume sessions. Servers with the same
   * keys accept each other's sessions. Change the keys together with `clients`. Default: random
   * keys.
   */
  readonly ticketKeys?: Uint8Array;
}

const ticketBytes = 48;

/** Time limit of a handshake, from the connection on. */
const handshakeMs = 10_000;

/** Outcomes of handshakes. */
export interface TlsEvents {
  secure(socket: TLSSocket): void;
  failed(reason: string, socket: TLSSocket): void;
  /** The client speaks plain HTTP. */
  plain(socket: TLSSocket): void;
}

/** OpenSSL recognises plain HTTP requests. */
const isPlainHttp: ReadonlySet<string> = new Set(["ERR_SSL_HTTP_REQUEST", "ERR_SSL_HTTPS_PROXY_REQUEST"]);

/**
 * Terminates TLS on accepted connections. It does not listen, so it can be replaced while its
 * connections continue.
 */
export class TlsEnd {
  readonly #server: Server;

  /** @throws RangeError for an invalid certificate, key or cipher. */
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
      // Node derives the default from the command line, which may differ between processes that
      // share the keys.
      sessionIdContext: "pagoda",
      requestCert: clients !== undefined,
      // An untrusted certificate is refused even if none is required: see `secure`.
      rejectUnauthorized: clients?.required === true,
      SNICallback: (name, done) => done(null, contextFor(byName, name.toLowerCase())),
    });
    this.#server.on("secureConnection", (socket: TLSSocket) => {
      if (clients !== undefined && !socket.authorized && hasCertificate(socket)) {
        failed(`client certificate: ${socket.authorizationError?.toString() ?? "not trusted"}`, socket);
        socket.destroy();
      } else secure(socket);
    });
    this.#server.on("tlsClientError", (error: NodeJS.ErrnoException, socket: TLSSocket) => {
      failed(error.code ?? error.message, socket);
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
    const expected = `accepted by OpenSSL: ${reason}`;
    if (/cipher/i.test(reason)) throw rangeError("serve: tls.ciphers", expected, options?.ciphers, cause);
    throw rangeError(`serve: ${path}`, expected, notShown, cause);
  }
}

/** Returns the host names of a certificate. */
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
