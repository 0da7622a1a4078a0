import { useDeferredValue, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";
import { contentUrl } from "~/api/media";
import type { Analysis, Media } from "~/api/types";
import { ProblemNotice } from "~/components/ProblemNotice";
import { Stage } from "~/components/stage/Stage";
import { frameRate } from "~/lib/format";
import { ResultLayout } from "./ResultLayout";
import { useInspection } from "./useInspection";
import { useVideoFindings } from "./useVideoFindings";
import { useVideoTime } from "./useVideoTime";
import { VideoBar } from "./VideoBar";
import { VideoLanes } from "./VideoLanes";

/** A video with the findings of the frame that it shows. */
export function VideoStage({ analysis, media }: { analysis: Analysis; media: Media }) {
  const { t } = useTranslation("analyse");
  const [params] = useSearchParams();
  const video = useRef<HTMLVideoElement>(null);
  const [broken, setBroken] = useState(false);
  const start = Number(params.get("t")) || 0;
  const { timeS, playing, durationS } = useVideoTime(video, media.duration_s ?? 0);
  const { findings, error } = useVideoFindings(analysis, media, timeS);
  const inspection = useInspection(findings, params.get("at"));
  const rate = frameRate(media.frame_rate) ?? 25;

  useEffect(() => {
    if (video.current && start > 0) video.current.currentTime = start;
  }, [start]);

  const seek = (to: number) => {
    // Half a frame in, or rounding may show the frame before.
    if (video.current) video.current.currentTime = Math.min(Math.max(0, to), Math.max(0, durationS - 1e-3));
  };
  const toggle = () => {
    if (video.current?.paused) void video.current.play();
    else video.current?.pause();
  };
  const stepBy = (frames: number) => {
    video.current?.pause();
    seek((Math.round(timeS * rate) + frames + 0.5) / rate);
  };
  const keys = new Map<string, () => void>([
    [" ", toggle],
    ["k", toggle],
    [",", () => stepBy(-1)],
    [".", () => stepBy(1)],
    ["ArrowLeft", () => seek(timeS - 5)],
    ["ArrowRight", () => seek(timeS + 5)],
    ["Home", () => seek(0)],
  ]);
  const onKey = (key: string) => {
    const act = keys.get(key);
    act?.();
    return act !== undefined;
  };
  // The panel may lag behind playback; the picture must not.
  const panel = useDeferredValue(inspection);
  return (
    <ResultLayout
      analysis={analysis}
      media={media}
      inspection={panel}
      raw={findings}
      stage={
        <Stage size={media.size_wh} label={t("videoOf", { name: media.name })} onKey={onKey} {...inspection.stage}>
          <video ref={video} src={contentUrl(media.id)} preload="auto" playsInline onError={() => setBroken(true)} />
        </Stage>
      }
      below={
        <>
          {broken && <ProblemNotice error={new Error(t("videoBroken"))} />}
          {error && <ProblemNotice error={error} />}
          <VideoBar
            video={video}
            timeS={timeS}
            durationS={durationS}
            playing={playing}
            onToggle={toggle}
            onStep={stepBy}
          />
          <VideoLanes analysis={analysis} media={media} durationS={durationS} timeS={timeS} onSeek={seek} />
        </>
      }
    />
  );
}
