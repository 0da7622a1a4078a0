import { API, api, csrfHeaders, reportSignedOut, unwrap } from "~/api/client";
import { ApiProblem, asProblem, OfflineError, retryAfter } from "~/api/problem";
import type { AnalysisOptions, Upload } from "~/api/types";
import type { ServerState } from "./machine";

/** What uploads ask of the server. Rejects with ApiProblem, OfflineError or an AbortError. */
export interface Transport {
  create(name: string, bytes: number, analyse: boolean): Promise<ServerState>;
  state(id: string, signal: AbortSignal): Promise<ServerState>;
  send(
    id: string,
    from: number,
    part: Blob,
    onProgress: (bytes: number) => void,
    signal: AbortSignal,
  ): Promise<ServerState>;
  remove(id: string): Promise<void>;
  analyse(mediaId: string, options: AnalysisOptions): Promise<{ analysisId: string; jobId: string }>;
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** PATCH one part; XMLHttpRequest, because fetch tells nothing of what has left. */
function send(
  id: string,
  from: number,
  part: Blob,
  onProgress: (bytes: number) => void,
  signal: AbortSignal,
): Promise<Upload> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PATCH", `${API}/uploads/${id}`);
    request.setRequestHeader("Content-Type", "application/offset+octet-stream");
    request.setRequestHeader("Upload-Offset", String(from));
    for (const [name, value] of Object.entries(csrfHeaders())) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onProgress(event.loaded);
    request.onload = () => {
      const body = readJson(request.responseText);
      if (request.status >= 200 && request.status < 300) return resolve(body as Upload);
      if (request.status === 401) reportSignedOut();
      reject(new ApiProblem(asProblem(request.status, body), retryAfter(request.getResponseHeader("Retry-After"))));
    };
    request.onerror = () => reject(new OfflineError());
    request.ontimeout = () => reject(new OfflineError());
    request.onabort = () => reject(new DOMException("Aborted", "AbortError"));
    const abort = () => request.abort();
    signal.addEventListener("abort", abort);
    request.onloadend = () => signal.removeEventListener("abort", abort);
    if (signal.aborted) return reject(new DOMException("Aborted", "AbortError"));
    request.send(part);
  });
}

/** The server itself. */
export const server: Transport = {
  create: (name, bytes, analyse) => unwrap(api.POST("/api/v1/uploads", { body: { name, bytes, analyse } })),
  state: (id, signal) =>
    unwrap(api.GET("/api/v1/uploads/{upload_id}", { params: { path: { upload_id: id } }, signal })),
  send,
  remove: async (id) => {
    await unwrap(api.DELETE("/api/v1/uploads/{upload_id}", { params: { path: { upload_id: id } } }));
  },
  analyse: async (mediaId, options) => {
    const { id, job_id } = await unwrap(api.POST("/api/v1/analyses", { body: { media_id: mediaId, options } }));
    return { analysisId: id, jobId: job_id };
  },
};
