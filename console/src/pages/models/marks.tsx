import { IconAlertTriangle, IconCircleCheck, IconCircleDashed, IconCircleX, IconDownload } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { ModelState } from "~/api/models";
import classes from "./models.module.css";

const ICONS = { ready: IconCircleCheck, missing: IconCircleDashed, corrupt: IconCircleX } as const;

/** Whether a net is on the server's machine. */
export function Here({ state, fetching }: { state: ModelState["state"]; fetching: boolean }) {
  const { t } = useTranslation("models");
  const Icon = fetching ? IconDownload : ICONS[state];
  return (
    <span className={classes.here} data-state={fetching ? "fetching" : state}>
      <Icon size={16} stroke={1.9} aria-hidden />
      {fetching ? t("fetching") : t(`state.${state}`)}
    </span>
  );
}

/** Whether the terms of the weights allow commercial use. */
export function Commercial({ allowed }: { allowed: boolean }) {
  const { t } = useTranslation("models");
  const Icon = allowed ? IconCircleCheck : IconAlertTriangle;
  return (
    <span className={classes.commercial} data-allowed={allowed}>
      <Icon size={15} stroke={1.9} aria-hidden />
      {allowed ? t("commercial") : t("notCommercial")}
    </span>
  );
}
