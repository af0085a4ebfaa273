import { layer, type Layer, left } from "@pagoda/core";
import type { HttpRequest } from "@pagoda/http";
import { fullPathOptions, normalPath, type PathOptions, type PathRefused, writtenPath } from "./path.ts";

/**
 * Gives layers outside a router the path that it would: dot segments are resolved, and everything
 * else follows the path options. Without it, a layer that decides by the path decides about
 * `/public/../admin`, and the origin gets `/admin`.
 *
 * Place it outside such layers, and give it the options of the router.
 *
 * Errors: {@link PathRefused}.
 *
 * Cost per call: a scan of the path, about 1 ns per character; a copy of the request if the path is
 * not in normal form.
 *
 * @throws RangeError if an option is invalid.
 */
export function normalPaths(options: PathOptions = {}): Layer<HttpRequest, unknown, PathRefused> {
  const full = fullPathOptions(options);

  return layer<HttpRequest, unknown, PathRefused>({ name: "normal-paths", unguarded: true }, (inner) => ({
    options: { ...full },
    call(request, signal) {
      const { method, path } = request;
      if (path === "" && method === "CONNECT") return inner.call(request, signal);
      const normal = normalPath(path, full);
      if (typeof normal !== "string") return Promise.resolve(left(normal));
      if (normal === path) return inner.call(request, signal);
      const sent = full.normalize === "minimal" ? writtenPath(path, full) : normal;
      return inner.call({ ...request, path: normal, written: { path: sent, of: normal } }, signal);
    },
  }));
}
