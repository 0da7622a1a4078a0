import { useSyncExternalStore } from "react";
import type { AnalysisOptions } from "~/api/types";
import type { Transfer } from "./machine";
import { server } from "./transport";
import { Uploads } from "./uploads";

const kept = new Set<(transfer: Transfer) => void>();

/** The uploads of this visit; they go on while one moves between pages. */
export const uploads = new Uploads({
  transport: server,
  onKept: (transfer) => {
    for (const listener of kept) listener(transfer);
  },
});

/** Be told of each file that is kept; returns how to stop that. */
export function onKept(listener: (transfer: Transfer) => void): () => void {
  kept.add(listener);
  return () => kept.delete(listener);
}

/** All uploads of this visit, fresh. */
export function useTransfers(): readonly Transfer[] {
  return useSyncExternalStore(uploads.subscribe, uploads.snapshot);
}

let wish: AnalysisOptions | null = null;
const wishListeners = new Set<() => void>();

/** Say what the files that are dropped from now on are looked at for; null: what the server does by default. */
export function setUploadWish(options: AnalysisOptions | null): void {
  wish = options;
  for (const listener of wishListeners) listener();
}

/** What files that are dropped now are looked at for. */
export function useUploadWish(): AnalysisOptions | null {
  return useSyncExternalStore(
    (listener) => {
      wishListeners.add(listener);
      return () => wishListeners.delete(listener);
    },
    () => wish,
  );
}

/** Upload files and have them looked at as was last wished. */
export function uploadFiles(files: readonly File[]): void {
  uploads.add(files, wish);
}
