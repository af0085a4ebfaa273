import { type Fault, layer, left } from "@pagoda/core";
import type { HttpRequest } from "@pagoda/http";
import { definePolicy, eventsOf } from "@pagoda/proxy/policy";

/** A request does not name its tenant. */
export interface TenantMissing extends Fault<"TenantMissing"> {
  readonly header: string;
}

export interface TenantObserver {
  readonly refused?: (fault: TenantMissing, request: HttpRequest) => void;
}

/** Refuses requests without the header field that names their tenant. */
export function requireTenant(header: string, observer: TenantObserver = {}) {
  const missing: TenantMissing = { _tag: "TenantMissing", origin: "local", retryable: false, header };
  return layer<HttpRequest, unknown, TenantMissing>("tenant", (inner) => ({
    options: { header },
    call(request, signal) {
      if (request.headers.has(header)) return inner.call(request, signal);
      observer.refused?.(missing, request);
      return Promise.resolve(left(missing));
    },
  }));
}

const events = eventsOf<TenantObserver>("tenant", ["refused"], {
  refused: ({ header }) => `refused: no header ${header}`,
});

export default definePolicy({
  name: "tenant",
  at: ["listener", "route"],
  after: "authorize",
  schema: ({ fields, text }) =>
    fields({ header: text.min(1).describe("Header field that names the tenant.") })
      .optional()
      .describe("Refuses requests that do not name their tenant."),
  events,
  layer: ({ header }, { observe }) => requireTenant(header, observe(events)),
  answers: {
    TenantMissing: ({ header }) => ({ status: 400, message: `the header ${header} is required` }),
  },
  grpc: { TenantMissing: "INVALID_ARGUMENT" },
});
