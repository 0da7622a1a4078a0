import createClient, { type Middleware } from "openapi-fetch";
import { ApiProblem, asProblem, OfflineError, retryAfter } from "./problem";
import type { paths } from "./schema";

export const API = "/api/v1";

let csrf: string | null = null;
let signedOut: () => void = () => {};

/** Remember the token that every change must carry. */
export function setCsrfToken(token: string | null | undefined): void {
  csrf = token ?? null;
}

/** Headers that a change must carry, for requests that do not go through `api`. */
export function csrfHeaders(): Record<string, string> {
  return csrf ? { "X-CSRF-Token": csrf } : {};
}

/** Say what happens when the server no longer knows who asks. */
export function onSignedOut(react: () => void): void {
  signedOut = react;
}

/** Tell the console that an answer was 401. */
export function reportSignedOut(): void {
  signedOut();
}

const guard: Middleware = {
  onRequest({ request }) {
    if (csrf && !["GET", "HEAD"].includes(request.method)) request.headers.set("X-CSRF-Token", csrf);
    return request;
  },
  onResponse({ request, response }) {
    if (response.status === 401 && !request.url.includes(`${API}/auth/`)) signedOut();
    return response;
  },
  onError({ error }) {
    return error instanceof TypeError ? new OfflineError() : undefined;
  },
};

/** The typed client: paths, parameters and bodies are those of the server's OpenAPI document. */
export const api = createClient<paths>({ baseUrl: "", credentials: "same-origin" });
api.use(guard);

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** Wait for an answer and return its body, or throw what the server said was wrong. */
export async function unwrap<T>(asked: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await asked;
  if (!response.ok)
    throw new ApiProblem(asProblem(response.status, error), retryAfter(response.headers.get("Retry-After")));
  return data as T;
}
