import { Progress, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Job } from "~/api/types";
import { formatBytes, formatNumber, formatShare, formatSpan } from "~/lib/format";

const UNITS = ["segments", "files", "pieces", "frames", "pictures"] as const;

/** How much of a job is done, in its own unit. */
export function useProgressText(): (job: Job) => string {
  const { t, i18n } = useTranslation(["jobs", "app"]);
  return ({ done, total, unit }) => {
    if (unit === "bytes") {
      const did = formatBytes(done, i18n.language);
      return total == null ? did : t("app:tray.of", { done: did, all: formatBytes(total, i18n.language) });
    }
    const known = UNITS.find((one) => one === unit);
    const counted = (count: number) =>
      known ? t(`unit.${known}`, { count, number: formatNumber(count, i18n.language) }) : `${count} ${unit}`;
    return total == null
      ? counted(done)
      : t("app:tray.of", { done: formatNumber(done, i18n.language), all: counted(total) });
  };
}

/** A bar, how much is done, and the time left. */
export function JobProgress({ job }: { job: Job }) {
  const { t, i18n } = useTranslation(["jobs", "app"]);
  const text = useProgressText()(job);
  const share = job.total ? Math.min(1, job.done / job.total) : null;
  // One thing is done or not: its state says so.
  if (job.total === 1 || (job.total == null && job.done === 0 && job.state !== "running")) return null;
  return (
    <div>
      {share !== null && job.state !== "done" && (
        <Progress
          value={share * 100}
          size={5}
          mb={4}
          color={job.state === "paused" ? "gray" : undefined}
          aria-label={`${job.title}: ${formatShare(share, i18n.language)}`}
        />
      )}
      {share === null && job.state === "running" && job.kind === "fetch" && (
        <Progress value={100} size={5} mb={4} striped animated aria-label={job.title} />
      )}
      <Text size="xs" c="dimmed" className="numbers">
        {text}
        {job.left_s != null && job.left_s >= 1 && job.state === "running"
          ? ` · ${t("app:tray.left", { time: formatSpan(job.left_s, i18n.language) })}`
          : ""}
      </Text>
    </div>
  );
}
