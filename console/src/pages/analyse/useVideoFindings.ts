import { useQueries } from "@tanstack/react-query";
import { useMemo } from "react";
import { api, unwrap } from "~/api/client";
import type { Analysis, FrameFindings, Media } from "~/api/types";
import { frameAt, WINDOW_S, windowsAt } from "~/components/overlay/time";
import { frameRate } from "~/lib/format";

function framesQuery(analysis: Analysis, window: number) {
  const done = analysis.state === "done";
  return {
    queryKey: ["analyses", analysis.id, "frames", window, done ? "done" : analysis.frames],
    queryFn: () =>
      unwrap(
        api.GET("/api/v1/analyses/{analysis_id}/frames", {
          params: {
            path: { analysis_id: analysis.id },
            query: { from_s: window * WINDOW_S, before_s: (window + 1) * WINDOW_S },
          },
        }),
      ),
    staleTime: done ? Number.POSITIVE_INFINITY : 2_000,
    gcTime: 60_000,
  };
}

/** Findings of stretches of a video, in the order of time; loads what is not here yet. */
export function useFrames(
  analysis: Analysis,
  windows: readonly number[],
): { frames: FrameFindings[]; error: Error | null } {
  return useQueries({
    queries: windows.map((window) => framesQuery(analysis, window)),
    combine: (results) => ({
      frames: results.flatMap((result) => result.data?.frames ?? []),
      error: results.find((result) => result.error)?.error ?? null,
    }),
  });
}

/** What was found in the frame that a video shows. */
export function useVideoFindings(analysis: Analysis, media: Media, timeS: number) {
  const durationS = media.duration_s ?? Number.POSITIVE_INFINITY;
  const { frames, error } = useFrames(analysis, windowsAt(timeS, durationS));
  const rate = frameRate(media.frame_rate) ?? 25;
  // Frames may have been looked at more rarely than they are shown.
  const gapS = analysis.frames > 0 && media.duration_s ? media.duration_s / analysis.frames : 1 / rate;
  const holdS = Math.max(0.3, 1.5 * gapS);
  const findings = useMemo(() => frameAt(frames, timeS, holdS, 0.25 / rate), [frames, timeS, rate, holdS]);
  return { findings, error };
}
