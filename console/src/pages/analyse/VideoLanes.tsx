import { useQuery } from "@tanstack/react-query";
import { type PointerEvent, useMemo } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "~/api/client";
import { useMay } from "~/api/session";
import { type Analysis, KINDS, type Media, RECORD_KIND, type Timeline } from "~/api/types";
import { LAYER_COLOURS } from "~/components/overlay/layers";
import { COLOURS } from "~/components/overlay/tables";
import { type Lane, lanesFromFrames, WINDOW_S } from "~/components/overlay/time";
import { formatClock } from "~/lib/format";
import classes from "./result.module.css";
import { useFrames } from "./useVideoFindings";

/** Videos up to this length are counted frame by frame here; of longer ones the server sums the records up. */
const SHORT_S = 60;

interface Props {
  analysis: Analysis;
  media: Media;
  durationS: number;
  timeS: number;
  onSeek: (timeS: number) => void;
}

/** What is where in a video: a lane a kind, the time that is shown, and a place to seek. */
export function VideoLanes(props: Props) {
  const short = props.durationS <= SHORT_S;
  return short ? <ShortLanes {...props} /> : <LongLanes {...props} />;
}

function ShortLanes(props: Props) {
  const { analysis, durationS } = props;
  const windows = Array.from({ length: Math.max(1, Math.ceil(durationS / WINDOW_S)) }, (_, k) => k);
  const { frames } = useFrames(analysis, windows);
  // Stretches longer than the time between two frames, or some would be empty although nothing is missing.
  const stretches = analysis.state === "done" ? Math.max(1, Math.min(120, Math.floor(analysis.frames * 0.9))) : 120;
  const lanes = useMemo(() => lanesFromFrames(frames, durationS, stretches), [frames, durationS, stretches]);
  return <Lanes lanes={lanes} {...props} />;
}

/** Lanes from the server's sums: records a stretch over frames a stretch, which is how many there were on average. */
export function lanesFromTimeline(timeline: Timeline, startMs: number, durationS: number, framesPerS: number): Lane[] {
  const stretches = Math.max(1, Math.ceil(durationS / timeline.bucket_s));
  return KINDS.flatMap((kind) => {
    const values: (number | null)[] = Array(stretches).fill(0);
    for (const bucket of timeline.buckets) {
      const at = Math.floor((Date.parse(bucket.start) - startMs) / 1000 / timeline.bucket_s + 0.5);
      const count = Object.entries(bucket.counts)
        .filter(([name]) => name.split("/")[0] === RECORD_KIND[kind])
        .reduce((sum, [, n]) => sum + n, 0);
      if (at >= 0 && at < stretches) values[at] = count / Math.max(1, timeline.bucket_s * framesPerS);
    }
    const most = Math.max(0, ...values.map((value) => value ?? 0));
    return most > 0 ? [{ kind, most, values }] : [];
  });
}

function LongLanes(props: Props) {
  const { analysis, media, durationS } = props;
  const may = useMay("records:read");
  const bucket = Math.max(1, Math.ceil(durationS / 240));
  const timeline = useQuery({
    queryKey: ["timeline", "of", analysis.id, bucket, analysis.frames],
    enabled: may,
    queryFn: () =>
      unwrap(
        api.GET("/api/v1/records/timeline", { params: { query: { analysis_id: analysis.id, bucket_s: bucket } } }),
      ),
  });
  const lanes = useMemo(() => {
    if (!timeline.data) return [];
    return lanesFromTimeline(timeline.data, Date.parse(media.taken_at), durationS, analysis.frames / durationS);
  }, [timeline.data, media.taken_at, durationS, analysis.frames]);
  return <Lanes lanes={lanes} {...props} />;
}

function Lanes({ lanes, durationS, timeS, onSeek }: Props & { lanes: Lane[] }) {
  const { t } = useTranslation(["analyse", "app"]);
  const share = durationS > 0 ? Math.min(1, timeS / durationS) : 0;
  const drag = (event: PointerEvent<HTMLDivElement>) => {
    if (event.buttons !== 1) return;
    const { left, width } = event.currentTarget.getBoundingClientRect();
    onSeek(Math.min(1, Math.max(0, (event.clientX - left) / width)) * durationS);
  };
  return (
    <div className={classes.lanes}>
      <div className={classes.laneNames}>
        {lanes.map(({ kind }) => (
          <span key={kind}>{t(`app:kind.${kind}`)}</span>
        ))}
      </div>
      <div
        className={classes.track}
        role="slider"
        tabIndex={0}
        aria-label={t("video.seek")}
        aria-valuemin={0}
        aria-valuemax={Math.round(durationS)}
        aria-valuenow={Math.round(timeS)}
        aria-valuetext={formatClock(timeS)}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          drag(event);
        }}
        onPointerMove={drag}
        onKeyDown={(event) => {
          const by = { ArrowLeft: -1, ArrowRight: 1, PageDown: -10, PageUp: 10 }[event.key];
          if (by === undefined) return;
          event.preventDefault();
          onSeek(timeS + by);
        }}
      >
        {lanes.length === 0 && <div className={classes.rail} />}
        {lanes.map((lane) => (
          <LaneBars key={lane.kind} lane={lane} />
        ))}
        <div className={classes.head} style={{ left: `${share * 100}%` }} />
      </div>
    </div>
  );
}

function LaneBars({ lane: { kind, most, values } }: { lane: Lane }) {
  const bars = values.map((value, i) => {
    if (!value) return "";
    const height = 0.25 + (0.75 * value) / most;
    // A little wider than a stretch, or hairlines show between neighbours.
    return `M${i} 1V${(1 - height).toFixed(3)}h1.03V1z`;
  });
  return (
    <svg className={classes.lane} viewBox={`0 0 ${values.length} 1`} preserveAspectRatio="none" aria-hidden="true">
      <path d={bars.join("")} fill={COLOURS[LAYER_COLOURS[kind]]} />
    </svg>
  );
}
