import { checkInteger, type Fault, isFault, layer, type Layer } from "@pagoda/core";
import { type HttpRequest, type HttpResponse, type Identified, text } from "@pagoda/http";
import { isLeft, type Left, right } from "fp-ts/lib/Either.js";

/** What a client is told of an error. It must not carry what is nobody's business outside. */
export interface Answer {
  /** A whole number from 200 to 599. */
  readonly status: number;
  /** One sentence: what happened, as far as it concerns the client. */
  readonly message: string;
  /** Further fields, such as `retry-after`. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * An answer for each error that is handled, by its tag; a function where the answer depends on the error. A
 * function whose parameter is annotated handles that very type.
 */
// The parameter is whatever the function says it is: it is checked where the stack's errors meet the table.
// oxlint-disable-next-line no-explicit-any
export type Answers = Readonly<Record<string, Answer | ((fault: any) => Answer)>>;

/** Told what happens, for metrics and logs. Must not throw. */
export interface RespondObserver {
  /** An error was answered; the response does not show its cause. */
  readonly answered?: (fault: Fault, request: HttpRequest & Identified, answer: Answer) => void;
}

/** The errors that a table answers for certain: an optional entry, or a table of unknown tags, answers none. */
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
 * Ends errors: each one named in the table becomes an HTTP response, with a short text body that says what happened
 * and gives the request's id, and with the error as the response's `fault`, for metrics and logs. Errors that the
 * table does not name go on outwards, and a server does not compile while there is one.
 *
 * Use it once in every stack that is served. It stands inside what counts and logs responses, and outside every layer
 * whose errors it answers; further out yet `forwarded`, or whatever else gives the request its id.
 *
 * Errors: none of its own. An answer out of range is a defect: the call rejects with `RangeError` where a function
 * gave it.
 *
 * Cost per call: about 60 ns; 0.6 µs where it answers an error.
 *
 * @param table Its functions, and `observer`, run while a request waits.
 * @throws RangeError when the status of an answer in the table is out of range.
 */
export function respond<const Table extends Answers>(
  table: Table,
  observer?: RespondObserver,
): Layer<HttpRequest & Identified, unknown, never, Answered<Table>, HttpResponse> {
  const answers = new Map(Object.entries(table));
  for (const [tag, entry] of answers) if (typeof entry !== "function") valid(entry, tag);

  return layer<HttpRequest & Identified, unknown, never, Answered<Table>, HttpResponse>(
    "respond",
    (inner) => ({
      options: { errors: [...answers.keys()] },
      call: (request, signal) =>
        inner.call(request, signal).then((result) => {
          if (!isLeft(result)) return result;
          const fault: unknown = result.left;
          const entry = isFault(fault) ? answers.get(fault._tag) : undefined;
          // Not in the table, so not among the handled ones: the compiler cannot follow a look-up.
          if (entry === undefined) return result as Left<Exclude<typeof result.left, Answered<Table>>>;
          const answer = typeof entry === "function" ? valid(entry(fault), (fault as Fault)._tag) : entry;
          observer?.answered?.(fault as Fault, request, answer);
          return right(responseFor(answer, fault as Fault, request));
        }),
    }),
  );
}

/** Below 200 a response has only begun; above 599 nobody knows what is meant. */
function valid(answer: Answer, tag: string): Answer {
  const { status } = answer;
  checkInteger(`respond: status for ${tag}`, status, { min: 200, max: 599 });
  return answer;
}

function responseFor(
  { status, message, headers }: Answer,
  fault: Fault,
  { requestId }: Identified,
): HttpResponse {
  const { upstream } = fault as { readonly upstream?: unknown };
  return {
    ...text(`${status} ${message}\nrequest id: ${requestId}\n`, status, headers),
    upstream: typeof upstream === "string" ? upstream : undefined,
    fault,
  };
}
