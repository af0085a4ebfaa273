// A client of a company's own API: typed methods, typed errors, and the policies of `@pagoda/client`.
import { type Client, client, type Connect, type ErrorsOf } from "@pagoda/client";
import { type Aborted, type Clock, type Either, isLeft, type Layer, left, right } from "@pagoda/core";
import type { HttpRequest, HttpResponse } from "@pagoda/http";
import type { TransportFault } from "@pagoda/transport";
import type { StandardSchemaV1 } from "@standard-schema/spec";

export interface Lamp {
  readonly name: string;
  readonly watts: number;
}

/** What users of the API need to know: whether to try again, not why it failed. */
export type ShopError =
  | { readonly _tag: "NoSuchLamp"; readonly id: number }
  | { readonly _tag: "OutOfService"; readonly reason: string };

export interface ShopApi {
  lamp(id: number, signal?: AbortSignal): Promise<Either<ShopError, Lamp>>;
  order(id: number, orderId: string): Promise<Either<ShopError, void>>;
  close(): Promise<void>;
}

const policies = { timeoutMs: 2_000, tryTimeoutMs: 500, retry: { attempts: 3 } } as const;

/** For tests, and for metrics and traces: their layers raise no errors. */
export interface ShopApiOptions {
  readonly connect?: Connect<TransportFault | Aborted>;
  readonly clock?: Clock;
  readonly perCall?: Layer<HttpRequest, unknown, never, never, never, HttpResponse>;
  readonly perTry?: Layer<HttpRequest, unknown, never, never, never, HttpResponse>;
}

export function shopApi(baseUrl: string, options: ShopApiOptions = {}): ShopApi {
  const api: Client<ErrorsOf<typeof policies>> = client({ baseUrl, ...policies, ...options });

  return {
    async lamp(id, signal) {
      const lamp = await api.get(`/lamps/${id}`, { signal }).json(lampSchema);
      return isLeft(lamp) ? left(shopError(id, lamp.left)) : lamp;
    },
    /** Safe to retry: the server recognizes an order by its key. */
    async order(id, orderId) {
      const sent = await api.post("/orders", { json: { lamp: id }, headers: { "idempotency-key": orderId } });
      return isLeft(sent) ? left(shopError(id, sent.left)) : right(undefined);
    },
    close: () => api.close(),
  };
}

function shopError(id: number, error: { readonly _tag: string }): ShopError {
  if (error._tag === "StatusError" && "status" in error && error.status === 404)
    return { _tag: "NoSuchLamp", id };
  return { _tag: "OutOfService", reason: error._tag };
}

/** A Standard Schema by hand; zod, valibot and ArkType make them, too. */
const lampSchema: StandardSchemaV1<unknown, Lamp> = {
  "~standard": {
    version: 1,
    vendor: "shop",
    validate(value) {
      const { name, watts } = (value ?? {}) as Partial<Lamp>;
      if (typeof name === "string" && typeof watts === "number") return { value: { name, watts } };
      return { issues: [{ message: "a lamp has a name and watts" }] };
    },
  },
};
