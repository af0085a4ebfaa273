import { type Fault, isFault, layer, type Layer } from "@pagoda/core";
import { type HttpRequest, type HttpResponse, type Identified, text } from "@pagoda/core/http";
import { isLeft, type Left, right } from "fp-ts/lib/Either.js";

/** What a client is told of an error. It must not carry what is nobody's business outside. */
export interface Answer {
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

/** Told of each error that is answered, with its cause: for logs. Must not throw. */
export type RespondObserver = (fault: Fault, request: HttpRequest & Identified, answer: Answer) => void;

/** The errors that a table answers. */
export type Answered<Table extends Answers> = {
  [Tag in keyof Table & string]: Table[Tag] extends (fault: infer F) => Answer
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
 * It stands inside what counts and logs responses, and outside every layer whose errors it answers.
 */
export function respond<const Table extends Answers>(
  table: Table,
  observer: RespondObserver = () => {},
): Layer<HttpRequest & Identified, unknown, never, Answered<Table>, HttpResponse> {
  const answers = new Map(Object.entries(table));

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
          const answer = typeof entry === "function" ? entry(fault) : entry;
          observer(fault as Fault, request, answer);
          return right(responseFor(answer, fault as Fault, request));
        }),
    }),
  );
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
