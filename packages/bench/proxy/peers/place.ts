import type { Place } from "./peer.ts";

/** What a program that Node runs is started with: its only argument, as JSON. */
export function readPlace(): Place {
  return JSON.parse(process.argv[2] ?? "") as Place;
}
