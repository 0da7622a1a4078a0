import { type RefObject, useState } from "react";
import { contentUrl, thumbnailUrl, useMediaPages } from "~/api/media";
import { useMay } from "~/api/session";
import type { Source } from "~/api/types";
import { useCameraFeed } from "~/pages/live/useCameraFeed";

export interface Picture {
  /** What to draw over: the canvas, an address, or nothing yet. */
  from: "camera" | "kept" | "none";
  url: string | null;
  size: readonly [number, number];
  waiting: boolean;
  /** Why the camera gives none. */
  detail: string | null;
  /** Take a new one from the camera; null: one may not look at cameras. */
  again: (() => void) | null;
}

/** A picture of what a source sees: from the camera now, else from the newest that was kept. */
export function usePicture(source: Source, canvas: RefObject<HTMLCanvasElement | null>): Picture {
  const mayLive = useMay("live") && source.kind === "camera";
  const mayMedia = useMay("media:read");
  const [have, setHave] = useState<readonly [number, number] | null>(null);
  const feed = useCameraFeed(mayLive && !have, mayLive ? source.id : null, canvas);
  if (feed.size && !have) setHave(feed.size);
  const newest = useMediaPages({ source_id: source.id, limit: 1 });
  const kept = mayMedia ? newest.data?.pages[0]?.items[0] : undefined;
  const again = mayLive ? () => setHave(null) : null;
  if (have) return { from: "camera", url: null, size: have, waiting: false, detail: null, again };
  const waiting = mayLive && feed.status?.state !== "lost" && feed.link.phase !== "refused";
  const detail = feed.status?.detail ?? (feed.link.phase === "refused" ? feed.link.detail : null);
  if (kept) {
    const url = kept.kind === "video" ? thumbnailUrl(kept.id, 1024) : contentUrl(kept.id);
    return { from: "kept", url, size: [kept.size_wh[0], kept.size_wh[1]], waiting, detail, again: null };
  }
  return { from: "none", url: null, size: [16, 9], waiting, detail, again: null };
}
