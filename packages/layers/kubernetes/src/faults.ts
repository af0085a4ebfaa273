import type { Fault } from "@pagoda/core";

/** A fault of the API server or of the way to it. Says nothing about the endpoints. */
interface ApiFault<Tag extends string> extends Fault<Tag> {
  readonly origin: "local";
  readonly retryable: true;
  /** The API server, such as `https://10.96.0.1:443`. */
  readonly server: string;
}

/** The API server could not be reached, or the connection to it broke. */
export interface ApiUnreachable extends ApiFault<"ApiUnreachable"> {
  /** Node's or undici's error code: `ECONNREFUSED`; `ETIMEDOUT` after a time limit. */
  readonly code: string;
}

/** The API server answered with an error. */
export interface ApiRefused extends ApiFault<"ApiRefused"> {
  /** 403 for missing permissions, and for some seconds after the API server has started. */
  readonly status: number;
  /** The API server's own explanation. */
  readonly message: string;
}

/** The answer is not one of the Kubernetes API. */
export interface ApiInvalid extends ApiFault<"ApiInvalid"> {
  /** What is expected, and the value. */
  readonly problem: string;
}

/** The file with the token or the certificate authority cannot be read. */
export interface FileUnreadable extends Fault<"FileUnreadable"> {
  readonly origin: "local";
  readonly retryable: true;
  readonly path: string;
  /** Node's error code: `ENOENT`, `EACCES`. */
  readonly code: string;
}

/** Some endpoints of the service cannot be used and are left out. */
export interface SlicesInvalid extends Fault<"SlicesInvalid"> {
  readonly origin: "local";
  readonly retryable: true;
  /** One line per problem: slice, what is expected, and the value. */
  readonly problems: readonly string[];
  readonly partial: true;
}

export type KubernetesFault = ApiUnreachable | ApiRefused | ApiInvalid | FileUnreadable | SlicesInvalid;

/** Describes a fault in a line, for operators. */
export function faultText(fault: KubernetesFault): string {
  switch (fault._tag) {
    case "ApiUnreachable":
      return `${fault.code} for ${fault.server}`;
    case "ApiRefused":
      return `${fault.status} from ${fault.server}: ${fault.message}`;
    case "ApiInvalid":
      return `${fault.server}: ${fault.problem}`;
    case "FileUnreadable":
      return `${fault.code} for ${fault.path}`;
    case "SlicesInvalid":
      return fault.problems.join("\n");
  }
}
