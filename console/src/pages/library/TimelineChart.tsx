import { Button, Group, Skeleton, Text, VisuallyHidden } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { IconZoomOut } from "@tabler/icons-react";
import { type PointerEvent, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { KINDS, RECORD_KIND, type RecordKind } from "~/api/types";
import { LAYER_COLOURS } from "~/components/overlay/layers";
import { COLOURS } from "~/components/overlay/tables";
import { ProblemNotice } from "~/components/ProblemNotice";
import { formatNumber } from "~/lib/format";
import { type Bar, type Chart, ticks } from "./buckets";
import type { Filters } from "./filters";
import classes from "./library.module.css";
import { useChart } from "./queries";

interface Props {
  filters: Filters;
  onRange: (from: string | null, before: string | null) => void;
}

const HEIGHT = 84;
const ORDER = KINDS.map((kind) => ({ kind, record: RECORD_KIND[kind], colour: COLOURS[LAYER_COLOURS[kind]] }));

/** How many findings there are over time; a stretch that is drawn over narrows the library to it. */
export function TimelineChart({ filters, onRange }: Props) {
  const { t } = useTranslation("library");
  const found = useChart(filters, true);
  const zoomed = Boolean(filters.from || filters.before);
  if (found.isError) return <ProblemNotice error={found.error} onRetry={() => void found.refetch()} />;
  if (found.isPending) return <Skeleton h={HEIGHT + 52} radius="md" />;
  if (!found.data && !zoomed) return null;
  return (
    <figure className={classes.chart}>
      <Group justify="space-between" mb={6} gap="xs">
        <figcaption>
          <Legend chart={found.data} />
        </figcaption>
        {zoomed && (
          <Button
            size="compact-xs"
            variant="subtle"
            leftSection={<IconZoomOut size={14} aria-hidden />}
            onClick={() => onRange(null, null)}
          >
            {t("allTime")}
          </Button>
        )}
      </Group>
      {found.data ? (
        <Bars chart={found.data} onRange={onRange} />
      ) : (
        <Text size="sm" c="dimmed">
          {t("nothingThen")}
        </Text>
      )}
    </figure>
  );
}

function Legend({ chart }: { chart: Chart | null }) {
  const { t } = useTranslation(["library", "app"]);
  const present = ORDER.filter(({ record }) => chart?.bars.some((bar) => bar.counts[record]));
  return (
    <span className={classes.legend}>
      <b>{t("overTime")}</b>
      {present.map(({ kind, colour }) => (
        <span key={kind}>
          <i style={{ background: colour }} />
          {t(`app:kind.${kind}`)}
        </span>
      ))}
    </span>
  );
}

function Bars({ chart, onRange }: { chart: Chart; onRange: Props["onRange"] }) {
  const { t, i18n } = useTranslation(["library", "app"]);
  const area = useRef<HTMLDivElement>(null);
  const [drawn, setDrawn] = useState<{ a: number; b: number } | null>(null);
  const [at, setAt] = useState<number | null>(null);
  const { bars, startMs, endMs } = chart;
  const most = Math.max(1, ...bars.map((bar) => bar.total));
  const barAt = (event: PointerEvent) => {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    return Math.min(bars.length - 1, Math.max(0, Math.floor(((event.clientX - left) / width) * bars.length)));
  };
  const choose = (a: number, b: number) => {
    const [first, last] = [bars[Math.min(a, b)], bars[Math.max(a, b)]];
    if (!first || !last) return;
    onRange(new Date(first.startMs).toISOString(), new Date(last.startMs + chart.bucketS * 1000).toISOString());
  };
  const finish = () => {
    if (drawn) choose(drawn.a, drawn.b);
    setDrawn(null);
  };
  const narrow = useMediaQuery("(max-width: 40em)") ?? false;
  const words = useMemo(
    () => axisWords(startMs, endMs, i18n.language, narrow ? 3 : 7),
    [startMs, endMs, i18n.language, narrow],
  );
  const bar = at === null ? null : bars[at];
  return (
    <>
      <div
        ref={area}
        className={classes.bars}
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          const i = barAt(event);
          setDrawn({ a: i, b: i });
        }}
        onPointerMove={(event) => {
          const i = barAt(event);
          setAt(i);
          if (drawn) setDrawn({ ...drawn, b: i });
        }}
        onPointerUp={finish}
        onPointerCancel={() => setDrawn(null)}
        onPointerLeave={() => setAt(null)}
      >
        <svg viewBox={`0 0 ${bars.length} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
          {ORDER.map(({ record, colour }, row) => (
            <path key={record} d={barsPath(bars, row, most)} fill={colour} />
          ))}
        </svg>
        {drawn && (
          <div
            className={classes.brush}
            style={{
              left: `${(Math.min(drawn.a, drawn.b) / bars.length) * 100}%`,
              width: `${((Math.abs(drawn.a - drawn.b) + 1) / bars.length) * 100}%`,
            }}
          />
        )}
        {bar && !drawn && (
          <div
            className={classes.tip}
            data-side={(at ?? 0) > bars.length / 2 ? "left" : "right"}
            style={{ left: `${(((at ?? 0) + 0.5) / bars.length) * 100}%` }}
          >
            <b>{words.exact(bar.startMs)}</b>
            <span>{bar.total === 0 ? t("none") : tipText(bar, t, i18n.language)}</span>
          </div>
        )}
      </div>
      <div className={classes.axis} aria-hidden="true">
        {words.marks.map(({ ms, text }) => (
          <span key={ms} style={{ left: `${((ms - startMs) / (endMs - startMs)) * 100}%` }}>
            {text}
          </span>
        ))}
      </div>
      <VisuallyHidden>
        <ul>
          {bars
            .filter(({ total }) => total > 0)
            .map((one) => (
              <li key={one.startMs}>
                <button type="button" onClick={() => choose(bars.indexOf(one), bars.indexOf(one))}>
                  {words.exact(one.startMs)}: {tipText(one, t, i18n.language)}
                </button>
              </li>
            ))}
        </ul>
      </VisuallyHidden>
    </>
  );
}

function tipText(bar: Bar, t: (key: string) => string, language: string): string {
  return ORDER.filter(({ record }) => bar.counts[record])
    .map(({ kind, record }) => `${t(`app:kind.${kind}`)} ${formatNumber(bar.counts[record] ?? 0, language)}`)
    .join(" · ");
}

/** All pieces of one kind, each standing on the kinds before it. */
function barsPath(bars: readonly Bar[], row: number, most: number): string {
  const height = (bar: Bar, record: RecordKind) => ((bar.counts[record] ?? 0) / most) * HEIGHT;
  return bars
    .map((bar, i) => {
      const { record } = ORDER[row] ?? { record: "face" as const };
      const h = height(bar, record);
      if (h === 0) return "";
      const below = ORDER.slice(0, row).reduce((sum, before) => sum + height(bar, before.record), 0);
      return `M${i + 0.08} ${(HEIGHT - below).toFixed(2)}v${(-h).toFixed(2)}h0.84v${h.toFixed(2)}z`;
    })
    .join("");
}

function axisWords(startMs: number, endMs: number, language: string, about: number) {
  const days = (endMs - startMs) / 86_400_000;
  const short = new Intl.DateTimeFormat(
    language,
    days > 300
      ? { month: "short", year: "numeric" }
      : days > 2.5
        ? { month: "short", day: "numeric" }
        : { hour: "2-digit", minute: "2-digit" },
  );
  const long = new Intl.DateTimeFormat(
    language,
    days > 40 ? { dateStyle: "medium" } : { dateStyle: "medium", timeStyle: "short" },
  );
  return {
    marks: ticks(startMs, endMs, about).map((ms) => ({ ms, text: short.format(ms) })),
    exact: (ms: number) => long.format(ms),
  };
}
