import { Skeleton } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Navigate, useParams } from "react-router";
import { contentUrl, thumbnailUrl, useAnalysesOf, useMedia } from "~/api/media";
import { useMay } from "~/api/session";
import { ProblemNotice } from "~/components/ProblemNotice";
import { useTitle } from "~/components/useTitle";
import { ResultHead } from "./ResultHead";
import classes from "./result.module.css";

/** A file that nobody has had looked at yet; one that was looked at leads to its newest result. */
export function FilePage() {
  const { t } = useTranslation("analyse");
  const { mediaId = "" } = useParams();
  const media = useMedia(mediaId);
  const analyses = useAnalysesOf(mediaId);
  const may = useMay("analyse");
  useTitle(media.data?.name ?? t("title"));
  const newest = analyses.data?.items[0];
  if (newest) return <Navigate to={`/analyse/${newest.id}`} replace />;
  const error = media.error ?? analyses.error;
  return (
    <div className={classes.page}>
      {error && <ProblemNotice error={error} onRetry={() => void media.refetch()} />}
      {!error && !media.data && <Skeleton h="60vh" />}
      {media.data && (
        <>
          <ResultHead media={media.data} analysis={null} />
          <p className={classes.soft}>{may ? t("notYet") : t("notYetViewer")}</p>
          {media.data.kind === "video" ? (
            <video className={classes.plain} src={contentUrl(mediaId)} controls playsInline />
          ) : (
            <img className={classes.plain} src={thumbnailUrl(mediaId, 1024)} alt={media.data.name} />
          )}
        </>
      )}
    </div>
  );
}
