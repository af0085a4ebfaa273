import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { isIPv4 } from "node:net";
import { canonicalAddress, rangeError, systemClock } from "@pagoda/core";
import {
  bits,
  boolean,
  type Der,
  integer,
  octets,
  oid,
  sequence,
  set,
  tagged,
  taggedBytes,
  time,
  utf8,
} from "./der.ts";

/** A certificate and its key, both PEM. */
export interface TestCertificate {
  readonly certificate: string;
  readonly key: string;
}

/** Contents of a test certificate. */
export interface TestCertificateOptions {
  /** `CN=cart,O=shop`. Default: `CN=test`. */
  readonly subject?: string;
  /**
   * Subject alternative names: `DNS:a.test,IP:127.0.0.1,URI:spiffe://a.test/cart`. Default: none.
   */
  readonly names?: string;
  /** Days until it expires; 0 for an expired certificate. Default 1. */
  readonly days?: number;
}

/** A certificate authority for tests, so that no certificates have to be kept in the repository. */
export interface TestAuthority {
  /** Certificate of the authority, PEM. */
  readonly ca: string;
  issue(options?: TestCertificateOptions): TestCertificate;
}

/**
 * Makes a certificate authority. All keys are ECDSA with P-256.
 *
 * @throws RangeError for an invalid subject or name.
 */
export function testAuthority(name: string = "authority"): TestAuthority {
  const keys = newKeys();
  const subject = nameOf(`CN=${name}`);
  const id = createHash("sha1").update(spki(keys.publicKey)).digest();
  const extensions = [
    extension("2.5.29.19", true, sequence(boolean(true))),
    extension("2.5.29.14", false, octets(id)),
  ];
  const issuer = { subject, key: keys.privateKey };
  return {
    ca: certificate({ issuer, subject, publicKey: keys.publicKey, days: 1, extensions }),
    issue: ({ subject: of = "CN=test", names, days = 1 } = {}) => {
      const { publicKey, privateKey } = newKeys();
      const ofAuthority = extension("2.5.29.35", false, sequence(taggedBytes(0, id)));
      const alternatives = names === undefined ? [] : [extension("2.5.29.17", false, generalNames(names))];
      const parts = {
        issuer,
        subject: nameOf(of),
        publicKey,
        days,
        extensions: [ofAuthority, ...alternatives],
      };
      return {
        certificate: certificate(parts),
        key: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
      };
    },
  };
}

interface Parts {
  readonly issuer: { readonly subject: Der; readonly key: KeyObject };
  readonly subject: Der;
  readonly publicKey: KeyObject;
  readonly days: number;
  readonly extensions: readonly Der[];
}

const dayMs = 86_400_000;

/** RFC 5280, 4.1. */
function certificate({ issuer, subject, publicKey, days, extensions }: Parts): string {
  const now = systemClock.wallTime();
  const algorithm = sequence(oid("1.2.840.10045.4.3.2"));
  const signed = sequence(
    tagged(0, integer(Uint8Array.of(2))),
    integer(Uint8Array.of(1, ...randomBytes(8))),
    algorithm,
    issuer.subject,
    sequence(time(now), time(now + days * dayMs)),
    subject,
    spki(publicKey),
    tagged(3, sequence(...extensions)),
  );
  const all = sequence(signed, algorithm, bits(sign("sha256", signed, issuer.key)));
  const lines = Buffer.from(all).toString("base64").replaceAll(/.{64}/g, "$&\n").trimEnd();
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

function newKeys(): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

function spki(key: KeyObject): Buffer {
  return key.export({ type: "spki", format: "der" });
}

const attributes: Readonly<Record<string, string>> = { CN: "2.5.4.3", O: "2.5.4.10", OU: "2.5.4.11" };

function nameOf(subject: string): Der {
  return sequence(
    ...subject.split(",").map((part) => {
      const [, type = "", value = ""] = /^(\w+)=(.*)$/.exec(part) ?? [];
      const attribute = attributes[type];
      if (attribute === undefined)
        throw rangeError("testAuthority: subject", "such as CN=cart,O=shop", subject);
      return set(sequence(oid(attribute), utf8(value)));
    }),
  );
}

function extension(id: string, isCritical: boolean, value: Der): Der {
  return sequence(oid(id), ...(isCritical ? [boolean(true)] : []), octets(value));
}

function generalNames(names: string): Der {
  return sequence(
    ...names.split(",").map((each) => {
      const [, type = "", value = ""] = /^(\w+):(.*)$/.exec(each) ?? [];
      const address = type === "IP" ? addressBytes(value) : undefined;
      if (address !== undefined) return taggedBytes(7, address);
      if (type === "DNS") return taggedBytes(2, Buffer.from(value));
      if (type === "URI") return taggedBytes(6, Buffer.from(value));
      throw rangeError("testAuthority: names", "such as DNS:a.test,IP:127.0.0.1", names);
    }),
  );
}

function addressBytes(text: string): Der | undefined {
  const address = canonicalAddress(text);
  if (address === undefined) return undefined;
  if (isIPv4(address)) return Buffer.from(address.split(".").map(Number));
  const [head = [], tail = []] = address.split("::").map((part) => part.split(":").filter(Boolean));
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => "0");
  const bytes = Buffer.alloc(16);
  for (const [n, group] of [...head, ...zeros, ...tail].entries())
    bytes.writeUInt16BE(parseInt(group, 16), 2 * n);
  return bytes;
}
