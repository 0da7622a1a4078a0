/** One upload as a value, and how it changes: pure, so that every path can be tested. */

export const PART_BYTES = 8 * 1024 * 1024;

export type Phase =
  | "waiting"
  | "creating"
  | "sending"
  | "paused"
  | "lost"
  | "throttled"
  | "checking"
  | "kept"
  | "refused"
  | "failed"
  | "cancelled";

export interface Transfer {
  readonly key: string;
  readonly name: string;
  readonly bytes: number;
  /** Bytes that the server has safely. */
  readonly received: number;
  /** Bytes of the part under way that have left. */
  readonly inFlight: number;
  readonly phase: Phase;
  /** Failures in a row, for the wait before the next attempt. */
  readonly failures: number;
  /** When the next attempt is due, milliseconds; null: now. */
  readonly retryAtMs: number | null;
  readonly uploadId: string | null;
  readonly mediaId: string | null;
  readonly analysisId: string | null;
  readonly jobId: string | null;
  /** Why it was refused or failed. */
  readonly detail: string | null;
}

export interface ServerState {
  id: string;
  received: number;
  state: "receiving" | "checking" | "kept" | "refused";
  media_id?: string | null;
  analysis_id?: string | null;
  job_id?: string | null;
  detail?: string | null;
}

export type Event =
  | { type: "start" }
  | { type: "server"; upload: ServerState }
  | { type: "progress"; inFlight: number }
  | { type: "lost"; nowMs: number }
  | { type: "throttled"; nowMs: number; afterS: number | null }
  | { type: "wake" }
  | { type: "pause" }
  | { type: "resume" }
  | { type: "cancel" }
  | { type: "analysing"; analysisId: string; jobId: string }
  | { type: "refuse"; detail: string }
  | { type: "fail"; detail: string };

/** A file that has not begun. */
export function newTransfer(key: string, name: string, bytes: number): Transfer {
  return {
    key,
    name,
    bytes,
    received: 0,
    inFlight: 0,
    phase: "waiting",
    failures: 0,
    retryAtMs: null,
    uploadId: null,
    mediaId: null,
    analysisId: null,
    jobId: null,
    detail: null,
  };
}

const FINISHED: ReadonlySet<Phase> = new Set(["kept", "refused", "failed", "cancelled"]);
const BUSY: ReadonlySet<Phase> = new Set(["creating", "sending", "lost", "throttled", "checking"]);

/** Whether nothing more will happen by itself. */
export const isFinished = (transfer: Transfer): boolean => FINISHED.has(transfer.phase);

/** Whether it holds one of the places for uploads at once. */
export const isBusy = (transfer: Transfer): boolean => BUSY.has(transfer.phase);

export const canPause = ({ phase }: Transfer): boolean =>
  phase === "waiting" || phase === "creating" || phase === "sending" || phase === "lost" || phase === "throttled";
export const canResume = ({ phase }: Transfer): boolean => phase === "paused";
export const canRetry = ({ phase }: Transfer): boolean => phase === "failed";
export const canCancel = (transfer: Transfer): boolean => !isFinished(transfer);

/** Wait after so many failures in a row: 1 s, 2 s, 4 s … at most 30 s. */
export function backoffMs(failures: number): number {
  return Math.min(1000 * 2 ** Math.max(0, failures - 1), 30_000);
}

/** The next stretch of the file to send; null when all of it is there. */
export function nextPart(
  { received, bytes }: Transfer,
  partBytes: number = PART_BYTES,
): { from: number; to: number } | null {
  return received >= bytes ? null : { from: received, to: Math.min(received + partBytes, bytes) };
}

/** What the tray says it does: once all bytes have left, the server looks at the file before it answers. */
export function shownPhase(transfer: Transfer): Phase {
  return transfer.phase === "sending" && share(transfer) === 1 ? "checking" : transfer.phase;
}

/** Share that has left, 0..1. */
export function share({ received, inFlight, bytes }: Transfer): number {
  return bytes === 0 ? 1 : Math.min(1, (received + inFlight) / bytes);
}

function fromServer(transfer: Transfer, upload: ServerState): Transfer {
  const phase = upload.state === "receiving" ? (transfer.phase === "paused" ? "paused" : "sending") : upload.state;
  return {
    ...transfer,
    phase,
    uploadId: upload.id,
    received: upload.received,
    inFlight: 0,
    // Only progress ends a row of failures: an answer alone does not, or a server that refuses every part is asked for ever.
    failures: upload.received > transfer.received || upload.state !== "receiving" ? 0 : transfer.failures,
    retryAtMs: null,
    mediaId: upload.media_id ?? transfer.mediaId,
    analysisId: upload.analysis_id ?? transfer.analysisId,
    jobId: upload.job_id ?? transfer.jobId,
    detail: upload.detail ?? null,
  };
}

function later(transfer: Transfer, phase: "lost" | "throttled", nowMs: number, afterMs: number): Transfer {
  return { ...transfer, phase, inFlight: 0, failures: transfer.failures + 1, retryAtMs: nowMs + afterMs };
}

/** The upload after an event. What does not fit its phase leaves it as it is. */
export function step(transfer: Transfer, event: Event): Transfer {
  if (event.type === "analysing") return { ...transfer, analysisId: event.analysisId, jobId: event.jobId };
  if (event.type === "resume") {
    const ready = canResume(transfer) || canRetry(transfer);
    return ready ? { ...transfer, phase: "waiting", failures: 0, retryAtMs: null, detail: null } : transfer;
  }
  if (isFinished(transfer)) return transfer;
  switch (event.type) {
    case "cancel":
      return { ...transfer, phase: "cancelled", inFlight: 0, retryAtMs: null };
    case "refuse":
      return { ...transfer, phase: "refused", inFlight: 0, retryAtMs: null, detail: event.detail };
    case "fail":
      return { ...transfer, phase: "failed", inFlight: 0, retryAtMs: null, detail: event.detail };
    case "server":
      return fromServer(transfer, event.upload);
    case "pause":
      return canPause(transfer) ? { ...transfer, phase: "paused", inFlight: 0, retryAtMs: null } : transfer;
  }
  // What follows comes from work under way; after a pause it comes too late.
  if (transfer.phase === "paused") return transfer;
  switch (event.type) {
    case "start":
      return transfer.phase === "waiting"
        ? { ...transfer, phase: transfer.uploadId ? "sending" : "creating" }
        : transfer;
    case "progress":
      return { ...transfer, inFlight: Math.max(0, Math.min(event.inFlight, transfer.bytes - transfer.received)) };
    case "lost":
      return later(transfer, "lost", event.nowMs, backoffMs(transfer.failures + 1));
    case "throttled": {
      const afterMs = event.afterS === null ? backoffMs(transfer.failures + 1) : event.afterS * 1000;
      return later(transfer, "throttled", event.nowMs, afterMs);
    }
    case "wake":
      return transfer.phase === "lost" || transfer.phase === "throttled"
        ? { ...transfer, phase: transfer.uploadId ? "sending" : "creating", retryAtMs: null }
        : transfer;
  }
}

export interface Summary {
  active: number;
  done: number;
  attention: number;
  /** Of everything under way, 0..1. */
  share: number;
}

/** What the head of the tray says. */
export function summarise(transfers: readonly Transfer[]): Summary {
  const counted = transfers.filter((t) => t.phase !== "cancelled" && t.phase !== "refused" && t.phase !== "failed");
  const bytes = counted.reduce((sum, t) => sum + t.bytes, 0);
  const left = counted.reduce((sum, t) => sum + t.bytes * share(t), 0);
  return {
    active: transfers.filter((t) => !isFinished(t)).length,
    done: transfers.filter((t) => t.phase === "kept").length,
    attention: transfers.filter((t) => t.phase === "refused" || t.phase === "failed").length,
    share: bytes === 0 ? 0 : left / bytes,
  };
}
