import { Alert, Anchor, List, Skeleton, Stack } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { API } from "~/api/client";
import { useServerInfo } from "~/api/settings";
import { ProblemNotice } from "~/components/ProblemNotice";
import classes from "./settings.module.css";

/** What runs here, and what an administrator should look after. */
export function AboutTab() {
  const { t } = useTranslation("settings");
  const info = useServerInfo();
  if (info.isError) return <ProblemNotice error={info.error} onRetry={() => void info.refetch()} />;
  if (!info.data) return <Skeleton h={240} maw={640} />;
  const { version, database, vectors, media_store, workers, problems = [] } = info.data;
  const rows: [string, string][] = [
    [t("about.version"), `Sightline ${version}`],
    [t("about.database"), database === "embedded" ? t("about.embedded") : database],
    [t("about.vectors"), vectors ? t("about.yes") : t("about.no")],
    [t("about.media"), media_store === "local folder" ? t("about.folder") : media_store],
    [t("about.workers"), String(workers)],
  ];
  return (
    <Stack gap="lg" maw={720}>
      {problems.length > 0 ? (
        <Alert
          color="yellow"
          icon={<IconAlertTriangle aria-hidden />}
          title={t("about.problems", { count: problems.length })}
        >
          <List size="sm">
            {problems.map((problem) => (
              <List.Item key={problem}>{problem}</List.Item>
            ))}
          </List>
        </Alert>
      ) : (
        <Alert color="green" icon={<IconCircleCheck aria-hidden />} title={t("about.well")}>
          {t("about.wellText")}
        </Alert>
      )}
      <dl className={classes.facts}>
        {rows.map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <Anchor href={`${API}/openapi.json`} target="_blank" rel="noreferrer" size="sm">
        {t("about.openapi")}
      </Anchor>
    </Stack>
  );
}
