import { Button, Group, Loader, Progress, Text, Title } from "@mantine/core";
import { IconAlertTriangle, IconFileUnknown } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { api, unwrap } from "~/api/client";
import { isFinal, jobKey } from "~/api/jobEvents";
import { useAnalysis } from "~/api/media";
import { useMay } from "~/api/session";
import type { Job } from "~/api/types";
import { Counts } from "~/components/media/Counts";
import { Thumbnail } from "~/components/media/MediaCard";
import { formatShare, formatSpan } from "~/lib/format";
import { isFinished, share, shownPhase, type Transfer } from "~/uploads/machine";
import { uploads } from "~/uploads/store";
import classes from "./analyse.module.css";

const SHOWN = 24;

/** What was dropped in this visit, from the first byte to the result. */
export function JustDropped({ transfers }: { transfers: readonly Transfer[] }) {
  const { t } = useTranslation("analyse");
  const shown = transfers.filter(({ phase }) => phase !== "cancelled").reverse();
  if (shown.length === 0) return null;
  return (
    <section aria-labelledby="dropped">
      <Group justify="space-between" mb="sm">
        <Title order={2} id="dropped">
          {t("dropped")}
        </Title>
        {shown.some(isFinished) && (
          <Button variant="subtle" size="compact-sm" onClick={() => uploads.clear()}>
            {t("clearDropped")}
          </Button>
        )}
      </Group>
      <ul className={classes.dropped}>
        {shown.slice(0, SHOWN).map((transfer) => (
          <li key={transfer.key}>
            <Dropped transfer={transfer} />
          </li>
        ))}
      </ul>
      {shown.length > SHOWN && (
        <Text size="sm" c="dimmed" mt="xs">
          {t("moreDropped", { count: shown.length - SHOWN })}
        </Text>
      )}
    </section>
  );
}

function Dropped({ transfer }: { transfer: Transfer }) {
  const { t } = useTranslation(["analyse", "app"]);
  const analysis = useAnalysis(transfer.analysisId);
  const done = analysis.data?.state === "done";
  const bad = transfer.phase === "refused" || transfer.phase === "failed";
  return (
    <article className={classes.drop}>
      <div className={classes.dropThumb}>
        {transfer.mediaId ? (
          <Thumbnail id={transfer.mediaId} />
        ) : bad ? (
          <IconFileUnknown size={24} stroke={1.5} aria-hidden />
        ) : (
          <Loader size={18} />
        )}
      </div>
      <div className={classes.dropBody}>
        <Group justify="space-between" wrap="nowrap" gap="xs">
          <Text size="sm" fw={600} truncate title={transfer.name}>
            {done ? (
              <Link to={`/analyse/${transfer.analysisId}`} className={classes.dropLink}>
                {transfer.name}
              </Link>
            ) : (
              transfer.name
            )}
          </Text>
        </Group>
        {bad && (
          <Text size="xs" c="var(--app-bad)">
            <IconAlertTriangle size={13} className={classes.inlineIcon} aria-hidden />{" "}
            {t(`app:tray.phase.${transfer.phase}`)}
            {transfer.detail ? `: ${transfer.detail}` : ""}
          </Text>
        )}
        {!bad && !transfer.analysisId && <Uploading transfer={transfer} />}
        {transfer.analysisId && analysis.data && !done && <Analysing jobId={analysis.data.job_id} />}
        {done && <Counts counts={analysis.data?.counts ?? {}} />}
      </div>
    </article>
  );
}

function Uploading({ transfer }: { transfer: Transfer }) {
  const { t, i18n } = useTranslation("app");
  const text = transfer.phase === "kept" ? t("analyse:keptOnly") : t(`tray.phase.${shownPhase(transfer)}`);
  return (
    <>
      <Text size="xs" c="dimmed">
        {text}
        {transfer.phase === "sending"
          ? ` · ${formatShare(Math.floor(share(transfer) * 100) / 100, i18n.language)}`
          : ""}
      </Text>
      {transfer.phase !== "kept" && (
        <Progress value={share(transfer) * 100} size={4} mt={4} aria-label={transfer.name} />
      )}
    </>
  );
}

/** How far a job is, from the event stream. */
export function Analysing({ jobId }: { jobId: string }) {
  const { t, i18n } = useTranslation(["analyse", "app"]);
  const may = useMay("jobs:read");
  const job = useQuery<Job>({
    queryKey: jobKey(jobId),
    enabled: may,
    queryFn: () => unwrap(api.GET("/api/v1/jobs/{job_id}", { params: { path: { job_id: jobId } } })),
    refetchInterval: ({ state }) => (state.data && isFinal(state.data.state) ? false : 5_000),
  });
  const { state = "queued", done = 0, total, left_s, detail } = job.data ?? {};
  const failed = state === "failed" || state === "cancelled";
  const part = total ? done / total : 0;
  return (
    <>
      <Text size="xs" c={failed ? "var(--app-bad)" : "dimmed"}>
        {state === "running" ? t("analysing") : t(`app:state.${state}`)}
        {total && total > 1 ? ` · ${formatShare(part, i18n.language)}` : ""}
        {left_s != null && left_s > 1 && !failed
          ? ` · ${t("app:tray.left", { time: formatSpan(left_s, i18n.language) })}`
          : ""}
        {failed && detail ? `: ${detail}` : ""}
      </Text>
      {!failed && (
        <Progress
          value={total && total > 1 ? part * 100 : 100}
          striped={!total || total <= 1}
          animated={state === "running"}
          size={4}
          mt={4}
          aria-label={t("analysing")}
        />
      )}
    </>
  );
}
