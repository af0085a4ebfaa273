import { jwt, fixedKeys, type Issuer, type JwtClaims, type JwtOptions } from "@pagoda/jwt";
import { type Clock, type Either, right, service, type Service, ServiceBuilder } from "@pagoda/core";
import {
  HttpHeaders,
  type HttpRequest,
  httpRequest,
  type HttpResponse,
  httpResponse,
  type WithClaims,
} from "@pagoda/http";
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from "jose";

/** Signs tokens, and publishes its public key. */
export interface Signer {
  readonly alg: string;
  readonly kid: string;
  readonly jwk: JWK;
  readonly privateKey: CryptoKey;
}

let count = 0;

export async function signer(alg: string, kid: string | undefined = `key-${count++}`): Promise<Signer> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), alg, use: "sig", kid };
  return { alg, kid, jwk, privateKey };
}

/** The time of a virtual clock at its start, in seconds, which tokens are relative to. */
export const secondsOf = (clock: Clock): number => Math.floor(clock.wallTime() / 1_000);

export const valid = (now: number): JWTPayload => ({
  iss: "https://id.example",
  aud: "shop",
  sub: "ann",
  exp: now + 600,
});

export function sign(by: Signer, claims: JWTPayload, header: Record<string, unknown> = {}): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg: by.alg, kid: by.kid, ...header }).sign(by.privateKey);
}

export function issuer(signers: readonly Signer[], more: Partial<Issuer> = {}): Issuer {
  return {
    issuer: "https://id.example",
    audiences: ["shop"],
    keys: more.keys ?? fixedKeys({ keys: signers.map(({ jwk }) => jwk) }),
    ...more,
  };
}

export function asked(token: string | undefined, ...more: readonly string[]): HttpRequest {
  const fields = token === undefined ? [] : ["Authorization", `Bearer ${token}`];
  return { ...httpRequest("http://shop.example/"), headers: new HttpHeaders([...fields, ...more]) };
}

export type Inner = HttpRequest & WithClaims<JwtClaims | undefined>;

/** The layer around a handler. */
export function around(
  options: JwtOptions<JwtClaims, boolean>,
  handle: (request: Inner) => Promise<HttpResponse> = async () => httpResponse(200),
): Service<HttpRequest, HttpResponse, unknown> {
  const handler = service("handler", async (request: Inner) => right(await handle(request)));
  return new ServiceBuilder<HttpRequest>().layer(jwt(options)).service(handler);
}

/** Calls a layer around a mock that responds at once, as often as there are requests. */
export async function call(
  options: JwtOptions<JwtClaims, boolean>,
  ...requests: readonly HttpRequest[]
): Promise<readonly { readonly result: Either<unknown, HttpResponse>; readonly inner: Inner | undefined }[]> {
  let inner: Inner | undefined;
  const layered = around(options, async (request) => ((inner = request), httpResponse(200)));
  const all = [];
  for (const request of requests) {
    inner = undefined;
    const result = await layered.call(request);
    all.push({ result, inner });
  }
  return all;
}
