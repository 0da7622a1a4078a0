import { Button, Text } from "@mantine/core";
import { IconAlertTriangle, IconDownload } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { isFinal } from "~/api/jobEvents";
import { useJob } from "~/api/jobs";
import { type ModelState, useFetchModels } from "~/api/models";
import { useMay } from "~/api/session";
import { JobProgress } from "~/components/jobs/JobProgress";
import { JobState } from "~/components/jobs/JobState";
import { useProblemText } from "~/components/ProblemNotice";
import { formatBytes } from "~/lib/format";
import classes from "./models.module.css";

/** Brings a net to the server's machine, and shows how far that is. */
export function Fetch({ model }: { model: ModelState }) {
  const { t, i18n } = useTranslation("models");
  const may = useMay("models:fetch");
  const mayFollow = useMay("jobs:read");
  const queries = useQueryClient();
  const { mutate, isPending, error } = useFetchModels();
  const problemText = useProblemText();
  // The job is remembered after it ended, so that a failure can be told.
  const [jobId, setJobId] = useState(model.fetching_job_id ?? null);
  useEffect(() => {
    if (model.fetching_job_id) setJobId(model.fetching_job_id);
  }, [model.fetching_job_id]);
  const job = useJob(mayFollow ? jobId : null).data;
  const going = job ? !isFinal(job.state) : Boolean(model.fetching_job_id);
  const over = job !== undefined && isFinal(job.state);
  useEffect(() => {
    if (over) void queries.invalidateQueries({ queryKey: ["models"] });
  }, [over, queries]);

  if (going && job) {
    return (
      <div className={classes.fetching}>{job.total ? <JobProgress job={job} /> : <JobState state={job.state} />}</div>
    );
  }
  if (model.state === "ready") return null;
  const failed = error ? problemText(error).detail : job?.state === "failed" ? (job.detail ?? t("failed")) : null;
  return (
    <div className={classes.fetch}>
      {failed && (
        <Text size="xs" c="var(--app-bad)" role="alert">
          <IconAlertTriangle size={13} className={classes.inlineIcon} aria-hidden /> {failed}
        </Text>
      )}
      {may && (
        <Button
          size="xs"
          variant={model.default ? "filled" : "default"}
          leftSection={<IconDownload size={15} aria-hidden />}
          loading={isPending || going}
          onClick={() => mutate([model.name])}
          aria-label={t("fetchName", { name: model.title })}
        >
          {model.download_bytes
            ? t("fetchSize", { size: formatBytes(model.download_bytes, i18n.language) })
            : t("fetch")}
        </Button>
      )}
    </div>
  );
}
