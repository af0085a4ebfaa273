import type { HttpRequest, HttpResponse } from "@pagoda/http";

/** An action of the admin endpoint: `POST` with parameters in the query. */
export interface Action {
  readonly about: string;
  /** Its parameters, with what each is. */
  readonly parameters: Readonly<Record<string, string>>;
  act(given: URLSearchParams, request: HttpRequest): HttpResponse | Promise<HttpResponse>;
}
