import { Skeleton, Text } from "@mantine/core";
import { useIntersection } from "@mantine/hooks";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { contentUrl, thumbnailUrl, useMedia } from "~/api/media";
import { KINDS, type Media, RECORD_KIND, type SightRecord } from "~/api/types";
import { LAYER_COLOURS } from "~/components/overlay/layers";
import { COLOURS } from "~/components/overlay/tables";
import { formatClock, formatDateTime, formatShare } from "~/lib/format";
import { boxKey } from "~/pages/analyse/useInspection";
import { cropAround, type Hit } from "./hits";
import classes from "./library.module.css";

const ASPECT = 4 / 3;

const kindOf = (record: SightRecord) => KINDS.find((kind) => RECORD_KIND[kind] === record.kind) ?? "objects";

/** Where a hit leads: its result, at its time, with it chosen. */
export function hitPath({ analysis_id, time_s, box_xyxy }: SightRecord): string {
  const params = new URLSearchParams();
  if (time_s > 0) params.set("t", time_s.toFixed(3));
  if (box_xyxy) params.set("at", boxKey(box_xyxy));
  return `/analyse/${analysis_id}?${params}`;
}

/** One thing that was found: the part of the picture that shows it, and its words. */
export function HitCard({ hit }: { hit: Hit }) {
  const { t, i18n } = useTranslation(["library", "app"]);
  const { best } = hit;
  const media = useMedia(best.media_id);
  const kind = kindOf(best);
  const name = best.text ?? best.label ?? t(`app:finding.${kind}`);
  const video = media.data?.kind === "video";
  const when =
    hit.toS - hit.fromS >= 1 ? `${formatClock(hit.fromS)}–${formatClock(hit.toS)}` : formatClock(best.time_s, 1);
  return (
    <article className={classes.hit}>
      {media.data ? (
        <HitPicture media={media.data} record={best} />
      ) : (
        <Skeleton className={classes.hitPicture} radius={0} />
      )}
      <div className={classes.hitBody}>
        <Text size="sm" fw={600} lineClamp={2}>
          <span className={classes.dot} style={{ background: COLOURS[LAYER_COLOURS[kind]] }} />
          <Link to={hitPath(best)} className={classes.cover}>
            {name}
          </Link>
        </Text>
        <Text size="xs" c="dimmed" truncate className="numbers">
          {[
            best.text || best.label ? t(`app:finding.${kind}`) : null,
            best.track_id == null ? null : `#${best.track_id}`,
            formatShare(best.score, i18n.language),
            hit.count > 1 ? t("inFrames", { count: hit.count }) : null,
          ]
            .filter(Boolean)
            .join(" · ")}
        </Text>
        <Text size="xs" c="dimmed" truncate title={media.data?.name}>
          {video ? `${when} · ` : ""}
          {media.data?.name ?? " "}
        </Text>
        <Text size="xs" c="dimmed" truncate>
          {formatDateTime(best.taken_at, i18n.language)}
        </Text>
      </div>
    </article>
  );
}

function HitPicture({ media, record }: { media: Media; record: SightRecord }) {
  const { ref, entry } = useIntersection<HTMLDivElement>({ rootMargin: "300px" });
  const [unplayable, setUnplayable] = useState(false);
  const [w, h] = media.size_wh;
  const box = record.box_xyxy ?? ([0, 0, w, h] as const);
  const [x0, y0, x1, y1] = cropAround(box, [w, h], ASPECT);
  const [cw, ch] = [x1 - x0, y1 - y0];
  const percent = (value: number, of: number) => `${(value / of) * 100}%`;
  const place = { left: percent(-x0, cw), top: percent(-y0, ch), width: percent(w, cw), height: percent(h, ch) };
  const mark = {
    left: percent(box[0] - x0, cw),
    top: percent(box[1] - y0, ch),
    width: percent(box[2] - box[0], cw),
    height: percent(box[3] - box[1], ch),
  };
  return (
    <div ref={ref} className={classes.hitPicture}>
      {media.kind === "picture" && (
        <img src={thumbnailUrl(media.id, 1024)} alt="" loading="lazy" decoding="async" style={place} />
      )}
      {unplayable && <img src={thumbnailUrl(media.id)} alt="" className={classes.whole} />}
      {media.kind === "video" && !unplayable && entry?.isIntersecting && (
        // The frame itself: the thumbnail shows the first one.
        <video
          src={`${contentUrl(media.id)}#t=${record.time_s.toFixed(3)}`}
          preload="metadata"
          muted
          playsInline
          tabIndex={-1}
          aria-hidden="true"
          style={place}
          onError={() => setUnplayable(true)}
        />
      )}
      {record.box_xyxy && !unplayable && <div className={classes.mark} style={mark} />}
    </div>
  );
}
