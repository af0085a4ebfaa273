import {
  checkInteger,
  checkOneOf,
  type Fault,
  isFault,
  isLeft,
  layer,
  type Layer,
  type Left,
  right,
} from "@pagoda/core";
import {
  type HttpRequest,
  type HttpResponse,
  httpResponse,
  type Identified,
  isGrpc,
  text,
} from "@pagoda/http";
import { asksForProblem } from "./negotiate.ts";
import { type Problem, problemText, problemType } from "./problem.ts";

/** The response to an error. Visible to clients, so it must not contain internal details. */
export interface Answer {
  /** An integer from 200 to 599. */
  readonly status: number;
  /** One sentence that tells the client what happened. */
  readonly message: string;
  /** Additional header fields, such as `retry-after`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Details for clients that get `application/problem+json`. */
  readonly problem?: Problem;
}

/**
 * Answers by error tag, or functions from the error to its answer. A function with an annotated
 * parameter handles exactly that type.
 */
// `any` accepts every annotation. Parameters are checked where the stack's errors meet the table.
// oxlint-disable-next-line no-explicit-any
export type Answers = Readonly<Record<string, Answer | ((fault: any) => Answer)>>;

/** Receives events, for metrics and logs. Must not throw. */
export interface RespondObserver {
  /** An error was answered. The response does not expose its cause. */
  readonly answered?: (fault: Fault, request: HttpRequest & Identified, answer: Answer) => void;
}

/**
 * The body of answers. `text`: plain text. `problem`: `application/problem+json` (RFC 9457).
 * `negotiated`: a problem for clients that ask for JSON in `Accept`, text for all others.
 */
export type AnswerFormat = "text" | "problem" | "negotiated";

/** Options of {@link respond}. */
export interface RespondOptions {
  /** Default `text`. gRPC requests get text, which `grpc-answers` turns into `grpc-message`. */
  readonly format?: AnswerFormat;
  readonly observer?: RespondObserver;
}

/** The errors that a table handles for certain. Optional entries and unknown tags do not count. */
export type Answered<Table extends Answers> = {
  [Tag in keyof Table & string]: {} extends Pick<Table, Tag>
    ? never
    : Table[Tag] extends (fault: infer F) => Answer
      ? unknown extends F
        ? Fault<Tag>
        : F & Fault<Tag>
      : Fault<Tag>;
}[keyof Table & string];

/**
 * Turns each error in the table into an HTTP response, with a short body of message and
 * request id: plain text, or a problem (RFC 9457). The response carries the error as `fault`, for metrics and logs. Errors not in the
 * table pass, and a server does not compile while there is one.
 *
 * Use it once in every stack that is served. Place it inside the layers that count and log
 * responses, and outside every layer whose errors it answers. Further out, `forwarded` or another
 * layer must add the request id.
 *
 * Errors: none added. A function that returns a status out of range is a defect: the call rejects
 * with `RangeError`.
 *
 * Cost per call: about 60 ns; 0.6 µs for an error, 2 µs more for a problem.
 *
 * @param table Its functions, and `observer`, run on the path of the request.
 * @throws RangeError if the status of an answer in the table is out of range, or the format unknown.
 */
export function respond<const Table extends Answers>(
  table: Table,
  { format = "text", observer }: RespondOptions = {},
): Layer<HttpRequest & Identified, unknown, never, Answered<Table>, HttpResponse> {
  checkOneOf("respond: format", format, ["text", "problem", "negotiated"]);
  const answers = new Map(Object.entries(table));
  for (const [tag, entry] of answers) if (typeof entry !== "function") valid(entry, tag);

  return layer<HttpRequest & Identified, unknown, never, Answered<Table>, HttpResponse>(
    { name: "respond", unguarded: true },
    (inner) => ({
      options: { errors: [...answers.keys()], format },
      call: (request, signal) =>
        inner.call(request, signal).then((result) => {
          if (!isLeft(result)) return result;
          const fault: unknown = result.left;
          const entry = isFault(fault) ? answers.get(fault._tag) : undefined;
          // Not in the table, so not a handled error. The compiler cannot infer this from the
          // lookup.
          if (entry === undefined) return result as Left<Exclude<typeof result.left, Answered<Table>>>;
          const answer = typeof entry === "function" ? valid(entry(fault), (fault as Fault)._tag) : entry;
          observer?.answered?.(fault as Fault, request, answer);
          return right({ ...responseFor(answer, request, format), fault: fault as Fault });
        }),
    }),
  );
}

/** Statuses below 200 are not final, and those above 599 are undefined. */
function valid(answer: Answer, tag: string): Answer {
  const { status } = answer;
  checkInteger(`respond: status for ${tag}`, status, { min: 200, max: 599 });
  return answer;
}

function responseFor(
  { status, message, headers, problem }: Answer,
  { requestId, headers: asked }: HttpRequest & Identified,
  format: AnswerFormat,
): HttpResponse {
  const isNegotiated = format === "negotiated" && !isGrpc(asked);
  const isProblem = isNegotiated
    ? asksForProblem(asked.all("accept"))
    : format === "problem" && !isGrpc(asked);
  const response = isProblem
    ? httpResponse(status, problemText(status, message, requestId, problem), {
        "content-type": problemType,
        ...headers,
      })
    : text(`${status} ${message}\nrequest id: ${requestId}\n`, status, headers);
  return isNegotiated ? { ...response, headers: response.headers.append("vary", "accept") } : response;
}
