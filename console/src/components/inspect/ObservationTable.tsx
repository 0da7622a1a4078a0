import { ScrollArea, Text } from "@mantine/core";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { KINDS } from "~/api/types";
import type { Shape } from "~/components/overlay/shapes";
import { COLOURS } from "~/components/overlay/tables";
import { formatShare } from "~/lib/format";
import { nameOf } from "./facts";
import classes from "./inspect.module.css";

interface Props {
  shapes: readonly Shape[];
  chosen: string | null;
  pointed: string | null;
  onChoose: (key: string | null) => void;
  onPoint: (key: string | null) => void;
}

/** All observations of a frame, as a table in which one can be chosen. */
export function ObservationTable({ shapes, chosen, pointed, onChoose, onPoint }: Props) {
  const { t, i18n } = useTranslation();
  const body = useRef<HTMLTableSectionElement>(null);
  const rows = [...shapes].sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || a.index - b.index);

  useEffect(() => {
    if (!chosen) return;
    const row = body.current?.querySelector<HTMLElement>('[data-chosen="true"]');
    row?.scrollIntoView({ block: "nearest" });
  }, [chosen]);

  const ids = rows.some(({ finding }) => "id" in finding && finding.id != null);

  if (rows.length === 0) {
    return (
      <Text c="dimmed" size="sm" p="md">
        {t("table.empty")}
      </Text>
    );
  }
  return (
    <ScrollArea.Autosize mah="100%" type="auto" className={classes.scroll}>
      <table className={classes.table} aria-label={t("table.label")}>
        <thead>
          <tr>
            <th scope="col">{t("table.what")}</th>
            {ids && <th scope="col">{t("table.id")}</th>}
            <th scope="col" className={classes.right}>
              {t("table.score")}
            </th>
          </tr>
        </thead>
        <tbody ref={body}>
          {rows.map((shape) => (
            <tr
              key={shape.key}
              data-chosen={shape.key === chosen}
              data-pointed={shape.key === pointed}
              onMouseEnter={() => onPoint(shape.key)}
              onMouseLeave={() => onPoint(null)}
              onClick={() => onChoose(shape.key === chosen ? null : shape.key)}
            >
              <td>
                <button type="button" className={classes.pick} aria-pressed={shape.key === chosen}>
                  <span className={classes.dot} style={{ background: COLOURS[shape.colour] }} />
                  <span>
                    {nameOf(shape.kind, shape.finding, t)}
                    <span className={classes.kind}>{extra(shape, t)}</span>
                  </span>
                </button>
              </td>
              {ids && (
                <td className="numbers">
                  {"id" in shape.finding && shape.finding.id != null ? `#${shape.finding.id}` : "–"}
                </td>
              )}
              <td className={`numbers ${classes.right}`}>
                {shape.score === null ? "–" : formatShare(shape.score, i18n.language)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollArea.Autosize>
  );
}

function extra({ kind, finding }: Shape, t: (key: string) => string): string {
  if (kind === "objects" || kind === "text") return t(`finding.${kind}`);
  if (kind === "hands" && "gesture" in finding && finding.gesture) return finding.gesture;
  return "";
}
