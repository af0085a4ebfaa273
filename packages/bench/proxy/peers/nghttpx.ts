import type { Peer, Place } from "./peer.ts";
import { debian } from "./programs.ts";

export const nghttpx: Peer = {
  name: "nghttpx",
  label: "nghttpx",
  version: () => debian("nghttpx", "nghttp2-proxy", ["--version"]),
  command: nghttpxCommand,
};

export function nghttpxCommand({ front, back, port, origins, certificate }: Place): readonly string[] {
  const [host = "", originPort = ""] = origins[0].split(":");
  return [
    "nghttpx",
    "--conf=/dev/null",
    "--workers=1",
    "--log-level=ERROR",
    "--accesslog-file=/dev/null",
    "--errorlog-file=/dev/stderr",
    `--frontend=127.0.0.1,${port}${front === "tls" ? "" : ";no-tls"}`,
    `--backend=${host},${originPort};;proto=${back === "http2" ? "h2" : "http/1.1"}`,
    "--frontend-keep-alive-timeout=1h",
    ...(front === "tls" ? [certificate.key, certificate.certificate] : []),
  ];
}
