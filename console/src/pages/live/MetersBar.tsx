import { IconAlertTriangle } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { formatNumber } from "~/lib/format";
import type { LinkState } from "./link";
import classes from "./live.module.css";
import type { Meters } from "./stats";

interface Props {
  meters: Meters;
  link: LinkState;
  problem: string | null;
}

/** Frames a second, latency and what was passed over, each in a place of its own that does not move. */
export function MetersBar({ meters, link, problem }: Props) {
  const { t, i18n } = useTranslation("live");
  const number = (value: number | null, decimals = 0) =>
    value === null ? "–" : formatNumber(value, i18n.language, decimals);
  const rows: [string, string, string][] = [
    ["rate", number(meters.framesPerS, 1), ""],
    ["median", number(meters.medianMs), "ms"],
    ["slow", number(meters.slowMs), "ms"],
    ["dropped", number(meters.dropped), ""],
  ];
  const state =
    link.phase === "waiting" ? link.why : link.phase === "connecting" ? (link.after ?? link.phase) : link.phase;
  return (
    <div className={classes.meters}>
      <span
        className={classes.pill}
        data-state={state === "lost" || state === "full" ? "waiting" : link.phase}
        role="status"
      >
        {t(`link.${state}`)}
      </span>
      <dl className={classes.meterList}>
        {rows.map(([key, value, unit]) => (
          <div key={key} title={t(`meterHint.${key}`)}>
            <dt>{t(`meter.${key}`)}</dt>
            <dd>
              {value}
              {unit && value !== "–" ? <small> {unit}</small> : null}
            </dd>
          </div>
        ))}
      </dl>
      {problem && (
        <span className={classes.problem}>
          <IconAlertTriangle size={15} aria-hidden /> {problem}
        </span>
      )}
    </div>
  );
}
