import { useTranslation } from "react-i18next";
import { KINDS } from "~/api/types";
import { LAYER_COLOURS } from "~/components/overlay/layers";
import { COLOURS } from "~/components/overlay/tables";
import classes from "./media.module.css";

/** How many of each kind were found, as a row of small marks. */
export function Counts({ counts }: { counts: Readonly<Record<string, number>> }) {
  const { t } = useTranslation();
  const found = KINDS.filter((kind) => (counts[kind] ?? 0) > 0);
  if (found.length === 0) return <span className={classes.none}>{t("counts.none")}</span>;
  return (
    <ul className={classes.counts}>
      {found.map((kind) => (
        <li key={kind}>
          <span className={classes.dot} style={{ background: COLOURS[LAYER_COLOURS[kind]] }} />
          {t(`count.${kind}`, { count: counts[kind] })}
        </li>
      ))}
    </ul>
  );
}
