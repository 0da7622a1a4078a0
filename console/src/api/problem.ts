import type { Problem } from "./types";

/** What went wrong with a request, with the server's own words where it gave some. */
export class ApiProblem extends Error {
  readonly problem: Problem;
  readonly retryAfterS: number | null;

  constructor(problem: Problem, retryAfterS: number | null = null) {
    super(`${problem.title}: ${problem.detail}`);
    this.name = "ApiProblem";
    this.problem = problem;
    this.retryAfterS = retryAfterS;
  }

  get status(): number {
    return this.problem.status;
  }
}

/** The network is away: no answer came at all. */
export class OfflineError extends Error {
  constructor() {
    super("No answer from the server");
    this.name = "OfflineError";
  }
}

/** Seconds to wait, from a Retry-After header in either of its forms; null when it has none. */
export function retryAfter(header: string | null, nowMs: number = Date.now()): number | null {
  if (!header) return null;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds);
  const at = Date.parse(header);
  return Number.isNaN(at) ? null : Math.max(0, (at - nowMs) / 1000);
}

/** A problem from whatever an error answer carried: problem+json, other JSON, or a proxy's HTML page. */
export function asProblem(status: number, body: unknown): Problem {
  if (typeof body === "object" && body !== null && "title" in body && "detail" in body) {
    const { type, title, detail, instance, errors } = body as Partial<Problem>;
    return {
      type: typeof type === "string" ? type : "about:blank",
      title: String(title),
      status,
      detail: String(detail),
      instance: instance ?? null,
      errors: Array.isArray(errors) ? errors : [],
    };
  }
  return { type: "about:blank", title: `HTTP ${status}`, status, detail: "", instance: null, errors: [] };
}
