import { Alert, Button, Skeleton, VisuallyHidden } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Link, useParams } from "react-router";
import { useAnalysis, useMedia } from "~/api/media";
import { ApiProblem } from "~/api/problem";
import type { Analysis, Media } from "~/api/types";
import { ProblemNotice } from "~/components/ProblemNotice";
import { useTitle } from "~/components/useTitle";
import { Analysing } from "./JustDropped";
import { PictureStage } from "./PictureStage";
import { ResultHead } from "./ResultHead";
import classes from "./result.module.css";
import { VideoStage } from "./VideoStage";

/** What was found in one picture or video. */
export function ResultPage() {
  const { t } = useTranslation("analyse");
  const { analysisId = "" } = useParams();
  const analysis = useAnalysis(analysisId);
  const media = useMedia(analysis.data?.media_id);
  useTitle(media.data?.name ?? t("title"));
  const error = analysis.error ?? media.error;
  return (
    <div className={classes.page}>
      {error && !analysis.data && (
        <>
          <VisuallyHidden>
            <h1>{t("title")}</h1>
          </VisuallyHidden>
          <ProblemNotice
            error={error}
            onRetry={error instanceof ApiProblem && error.status === 404 ? undefined : () => void analysis.refetch()}
          />
          <Button component={Link} to="/library" variant="default" mt="md">
            {t("toLibrary")}
          </Button>
        </>
      )}
      {!error && !(analysis.data && media.data) && <Waiting />}
      {analysis.data && media.data && (
        <>
          <ResultHead media={media.data} analysis={analysis.data} />
          <Progressing analysis={analysis.data} media={media.data} />
          <Findings key={analysis.data.id} analysis={analysis.data} media={media.data} />
        </>
      )}
    </div>
  );
}

function Findings({ analysis, media }: { analysis: Analysis; media: Media }) {
  if (media.kind === "video") return <VideoStage analysis={analysis} media={media} />;
  return <PictureStage analysis={analysis} media={media} />;
}

function Progressing({ analysis, media }: { analysis: Analysis; media: Media }) {
  const { t } = useTranslation("analyse");
  if (analysis.state === "done") return null;
  if (analysis.state === "failed" || analysis.state === "cancelled") {
    const text = analysis.problems?.[0]?.message ?? t(`ended.${analysis.state}Text`);
    return (
      <Alert color="red" icon={<IconAlertTriangle aria-hidden />} title={t(`ended.${analysis.state}`)} mb="md">
        {text}
      </Alert>
    );
  }
  return (
    <div className={classes.progress} role="status">
      <Analysing jobId={analysis.job_id} />
      {media.kind === "video" && <span className={classes.soft}>{t("soFar")}</span>}
    </div>
  );
}

function Waiting() {
  return (
    <>
      <Skeleton h={26} w={320} maw="70%" mb="lg" />
      <div className={classes.layout}>
        <Skeleton className={classes.stage} radius="md" />
        <Skeleton className={classes.side} radius="md" />
      </div>
    </>
  );
}
