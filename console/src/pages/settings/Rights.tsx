import { useTranslation } from "react-i18next";
import type { Permission } from "~/api/types";
import classes from "./settings.module.css";

/** Rights in words. */
export function Rights({ rights }: { rights: readonly Permission[] }) {
  const { t } = useTranslation("settings");
  return (
    <ul className={classes.rightsList}>
      {rights.map((right) => (
        <li key={right}>{t(`right.${right.replace(":", "_")}`)}</li>
      ))}
    </ul>
  );
}
