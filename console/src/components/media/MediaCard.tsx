import { Checkbox, Skeleton, Text } from "@mantine/core";
import { IconMovie, IconPhotoOff } from "@tabler/icons-react";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { thumbnailUrl } from "~/api/media";
import type { Media } from "~/api/types";
import { formatAgo, formatClock, formatDateTime } from "~/lib/format";
import { Counts } from "./Counts";
import classes from "./media.module.css";

interface Props {
  media: Media;
  /** Given: the card can be selected. */
  selected?: boolean;
  onSelect?: (selected: boolean) => void;
}

/** Where a file's card leads: its result, or the page that offers to analyse it. */
export function resultPath({ id, analysis_id }: Media): string {
  return analysis_id ? `/analyse/${analysis_id}` : `/analyse/file/${id}`;
}

/** A file with its picture, name and what was found in it. */
export function MediaCard({ media, selected, onSelect }: Props) {
  const { t, i18n } = useTranslation();
  return (
    <article className={classes.card} data-selected={selected}>
      <div className={classes.thumb}>
        <Thumbnail id={media.id} />
        {media.kind === "video" && (
          <span className={classes.badge}>
            <IconMovie size={13} aria-hidden />
            <span className="numbers">
              {media.duration_s == null ? t("media.video") : formatClock(media.duration_s)}
            </span>
          </span>
        )}
        {onSelect && (
          <Checkbox
            className={classes.select}
            checked={selected ?? false}
            onChange={(event) => onSelect(event.currentTarget.checked)}
            aria-label={t("media.select", { name: media.name })}
          />
        )}
      </div>
      <div className={classes.cardBody}>
        <Text size="sm" fw={600} truncate title={media.name}>
          <Link to={resultPath(media)} className={classes.link}>
            {media.name}
          </Link>
        </Text>
        <Text size="xs" c="dimmed" title={formatDateTime(media.taken_at, i18n.language)}>
          {formatAgo(media.taken_at, i18n.language)}
        </Text>
        {media.analysis_id ? (
          <Counts counts={media.counts ?? {}} />
        ) : (
          <span className={classes.none}>{t("counts.notYet")}</span>
        )}
      </div>
    </article>
  );
}

/** A small picture of a file, or a sign where there is none. */
export function Thumbnail({ id }: { id: string }) {
  const [broken, setBroken] = useState(false);
  if (broken) return <IconPhotoOff size={28} stroke={1.4} className={classes.broken} aria-hidden />;
  return <img src={thumbnailUrl(id)} alt="" loading="lazy" decoding="async" onError={() => setBroken(true)} />;
}

/** Cards in as many columns as fit. */
export function MediaGrid({ children }: { children: ReactNode }) {
  return <div className={classes.grid}>{children}</div>;
}

export function MediaCardSkeletons({ count }: { count: number }) {
  return Array.from({ length: count }, (_, i) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: nothing tells them apart
    <div key={i} className={classes.card} aria-hidden>
      <Skeleton className={classes.thumb} radius={0} />
      <div className={classes.cardBody}>
        <Skeleton h={13} w="70%" />
        <Skeleton h={11} w="40%" mt={8} />
      </div>
    </div>
  ));
}
