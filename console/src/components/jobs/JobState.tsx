import {
  IconBan,
  IconCircleCheck,
  IconClock,
  IconExclamationCircle,
  IconLoader2,
  IconPlayerPause,
} from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Job } from "~/api/types";
import classes from "./jobs.module.css";

const ICONS = {
  queued: IconClock,
  running: IconLoader2,
  paused: IconPlayerPause,
  done: IconCircleCheck,
  failed: IconExclamationCircle,
  cancelled: IconBan,
} as const;

/** A job's state as an icon and a word. */
export function JobState({ state }: { state: Job["state"] }) {
  const { t } = useTranslation();
  const Icon = ICONS[state];
  return (
    <span className={classes.state} data-state={state}>
      <Icon size={16} stroke={1.9} aria-hidden />
      {t(`state.${state}`)}
    </span>
  );
}
