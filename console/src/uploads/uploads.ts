import { ApiProblem, OfflineError } from "~/api/problem";
import type { AnalysisOptions } from "~/api/types";
import { type Event, isBusy, isFinished, newTransfer, nextPart, PART_BYTES, step, type Transfer } from "./machine";
import type { Transport } from "./transport";

export interface Clock {
  now(): number;
  /** Resolves after so long, or at once when the signal says so. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const wallClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener("abort", done);
      if (signal.aborted) done();
    }),
};

/** Answers of a proxy or of a server that starts or stops: like no answer at all. */
const AWAY: ReadonlySet<number> = new Set([502, 503, 504]);

/** Answers to a file that the server will not take, however often it is sent. */
const REFUSED: ReadonlySet<number> = new Set([413, 415, 422]);

interface Wish {
  file: File;
  /** null: what the server looks for by default, started by the server itself. */
  options: AnalysisOptions | null;
}

export interface UploadOptions {
  transport: Transport;
  clock?: Clock;
  atOnce?: number;
  partBytes?: number;
  /** Called when a file is kept. */
  onKept?: (transfer: Transfer) => void;
}

/** Uploads of this visit: a few at once, in parts, going on after a lost connection. */
export class Uploads {
  private transfers: readonly Transfer[] = [];
  private readonly wishes = new Map<string, Wish>();
  private readonly running = new Map<string, AbortController>();
  private readonly naps = new Map<string, AbortController>();
  private readonly listeners = new Set<() => void>();
  private readonly clock: Clock;
  private readonly atOnce: number;
  private readonly partBytes: number;
  private count = 0;

  constructor(private readonly options: UploadOptions) {
    this.clock = options.clock ?? wallClock;
    this.atOnce = options.atOnce ?? 3;
    this.partBytes = options.partBytes ?? PART_BYTES;
  }

  /** All uploads, newest last; the same array until something changes. */
  readonly snapshot = (): readonly Transfer[] => this.transfers;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Begin to upload files. */
  add(files: readonly File[], options: AnalysisOptions | null = null): void {
    const fresh = files.map((file) => {
      const transfer = newTransfer(`upload-${++this.count}`, file.name, file.size);
      this.wishes.set(transfer.key, { file, options });
      return transfer;
    });
    this.transfers = [...this.transfers, ...fresh];
    this.tell();
    this.fill();
  }

  pause(key: string): void {
    const made = this.find(key)?.uploadId != null;
    this.apply(key, { type: "pause" });
    // A request that makes the upload is let through, for its id is needed to go on or to clean up.
    if (made) this.running.get(key)?.abort();
    this.fill();
  }

  resume(key: string): void {
    this.apply(key, { type: "resume" });
    this.fill();
  }

  cancel(key: string): void {
    const { uploadId } = this.find(key) ?? {};
    this.apply(key, { type: "cancel" });
    if (uploadId) this.running.get(key)?.abort();
    // The server throws unfinished parts away by itself when this does not reach it.
    if (uploadId) void this.options.transport.remove(uploadId).catch(() => {});
    this.fill();
  }

  /** Forget what is finished. */
  clear(): void {
    for (const transfer of this.transfers.filter(isFinished)) this.wishes.delete(transfer.key);
    this.transfers = this.transfers.filter((transfer) => !isFinished(transfer));
    this.tell();
  }

  /** Try again at once: the network is back. */
  wake(): void {
    for (const nap of this.naps.values()) nap.abort();
  }

  private find(key: string): Transfer | undefined {
    return this.transfers.find((transfer) => transfer.key === key);
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }

  private apply(key: string, event: Event): Transfer | undefined {
    const before = this.find(key);
    if (!before) return undefined;
    const after = step(before, event);
    if (after !== before) {
      this.transfers = this.transfers.map((transfer) => (transfer.key === key ? after : transfer));
      this.tell();
    }
    return after;
  }

  private fill(): void {
    for (const transfer of this.transfers) {
      if (this.transfers.filter(isBusy).length >= this.atOnce) return;
      if (transfer.phase !== "waiting" || this.running.has(transfer.key)) continue;
      void this.run(transfer.key);
    }
  }

  private async run(key: string): Promise<void> {
    const stop = new AbortController();
    this.running.set(key, stop);
    this.apply(key, { type: "start" });
    let fresh = this.find(key)?.uploadId === null;
    while (!stop.signal.aborted) {
      const transfer = this.find(key);
      if (!transfer || isFinished(transfer) || transfer.phase === "paused") break;
      try {
        await this.turn(transfer, fresh, stop.signal);
        fresh = true;
      } catch (error) {
        if (stop.signal.aborted) break;
        fresh = false;
        await this.recover(key, error, stop.signal);
      }
    }
    this.running.delete(key);
    const end = this.find(key);
    if (end?.phase === "kept") await this.kept(end);
    this.fill();
  }

  /** One request: create, ask for the state after a break, send a part, or wait for the check. */
  private async turn(transfer: Transfer, fresh: boolean, signal: AbortSignal): Promise<void> {
    const { transport } = this.options;
    const wish = this.wishes.get(transfer.key);
    if (!wish) throw new Error("The file is gone");
    const { key, uploadId } = transfer;
    if (uploadId === null) {
      const upload = await transport.create(transfer.name, transfer.bytes, wish.options === null);
      // Cancelled while it was made: nothing on the server may stay behind.
      if (this.find(key)?.phase === "cancelled") await transport.remove(upload.id).catch(() => {});
      this.apply(key, { type: "server", upload });
      return;
    }
    const part = nextPart(transfer, this.partBytes);
    if (!fresh || transfer.phase === "checking" || part === null) {
      if (transfer.phase === "checking") await this.clock.sleep(400, signal);
      this.apply(key, { type: "server", upload: await transport.state(uploadId, signal) });
      return;
    }
    const blob = wish.file.slice(part.from, part.to);
    const progress = (inFlight: number) => this.apply(key, { type: "progress", inFlight });
    this.apply(key, { type: "server", upload: await transport.send(uploadId, part.from, blob, progress, signal) });
  }

  private async recover(key: string, error: unknown, signal: AbortSignal): Promise<void> {
    const nowMs = this.clock.now();
    // The server has another count of bytes than we: the next turn asks for it.
    if (error instanceof ApiProblem && error.status === 409) return this.clock.sleep(300, signal);
    if (error instanceof ApiProblem && error.status === 429) {
      this.apply(key, { type: "throttled", nowMs, afterS: error.retryAfterS });
    } else if (error instanceof OfflineError || (error instanceof ApiProblem && AWAY.has(error.status))) {
      this.apply(key, { type: "lost", nowMs });
    } else {
      const problem = error instanceof ApiProblem ? error.problem : null;
      const detail = problem ? problem.errors?.[0]?.message || problem.detail || problem.title : String(error);
      const final = problem !== null && REFUSED.has(problem.status);
      this.apply(key, { type: final ? "refuse" : "fail", detail });
      return;
    }
    const nap = new AbortController();
    const end = () => nap.abort();
    this.naps.set(key, nap);
    signal.addEventListener("abort", end, { once: true });
    await this.clock.sleep((this.find(key)?.retryAtMs ?? nowMs) - nowMs, nap.signal);
    signal.removeEventListener("abort", end);
    this.naps.delete(key);
    this.apply(key, { type: "wake" });
  }

  private async kept(transfer: Transfer): Promise<void> {
    const options = this.wishes.get(transfer.key)?.options;
    this.wishes.delete(transfer.key);
    if (options && transfer.mediaId) {
      const started = await this.options.transport.analyse(transfer.mediaId, options).catch(() => null);
      if (started) this.apply(transfer.key, { type: "analysing", ...started });
    }
    this.options.onKept?.(this.find(transfer.key) ?? transfer);
  }
}
