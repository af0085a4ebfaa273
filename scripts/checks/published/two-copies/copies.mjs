// The copies that resolve from this file's folder.
export * as accessLog from "@pagoda/access-log";
export * as buffer from "@pagoda/buffer";
export * as concurrencyLimit from "@pagoda/concurrency-limit";
export * as core from "@pagoda/core";
export * as testing from "@pagoda/core/testing";
export * as http from "@pagoda/http";
export * as server from "@pagoda/http/server";
export * as retry from "@pagoda/retry";
export * as timeout from "@pagoda/timeout";
export * as transport from "@pagoda/transport";
