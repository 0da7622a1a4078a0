import { Button, Center, Chip, Group, Select, Skeleton, Stack } from "@mantine/core";
import { IconFilterOff, IconListCheck } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";
import { useJobs } from "~/api/jobs";
import { useMay } from "~/api/session";
import { EmptyState } from "~/components/EmptyState";
import { PageBody } from "~/components/PageBody";
import { ProblemNotice } from "~/components/ProblemNotice";
import { filterFrom, KINDS, STATES } from "./filter";
import { JobRow } from "./JobRow";
import classes from "./jobs.module.css";

/** All long work: how far it is, and what can be done with it. */
export function JobsPage() {
  const { t } = useTranslation(["jobs", "app"]);
  const [params, setParams] = useSearchParams();
  const filter = filterFrom(params);
  const jobs = useJobs(filter);
  const may = useMay("media:write");
  const items = jobs.data?.pages.flatMap((page) => page.items) ?? [];
  const choose = (key: "state" | "kind", value: string | null) => {
    const next = new URLSearchParams(params);
    if (value) next.set(key, value);
    else next.delete(key);
    setParams(next, { replace: true });
  };
  const filtered = filter.state !== undefined || filter.kind !== undefined;
  return (
    <PageBody title={t("title")} text={t("lead")} width="reading">
      <div className={classes.filters}>
        <Chip.Group value={filter.state ?? ""} onChange={(value) => choose("state", value as string)}>
          <Group gap={6} role="radiogroup" aria-label={t("byState")}>
            <Chip value="" size="sm" variant="outline">
              {t("all")}
            </Chip>
            {STATES.map((state) => (
              <Chip key={state} value={state} size="sm" variant="outline">
                {t(`app:state.${state}`)}
              </Chip>
            ))}
          </Group>
        </Chip.Group>
        <Select
          aria-label={t("byKind")}
          placeholder={t("anyKind")}
          data={KINDS.map((kind) => ({ value: kind, label: t(`kind.${kind}`) }))}
          value={filter.kind ?? null}
          onChange={(value) => choose("kind", value)}
          clearable
          clearButtonProps={{ "aria-label": t("app:action.clear") }}
          className={classes.kind}
        />
      </div>
      {jobs.isError && <ProblemNotice error={jobs.error} onRetry={() => void jobs.refetch()} />}
      {jobs.isPending && <Waiting />}
      {jobs.isSuccess && items.length === 0 && !filtered && (
        <EmptyState icon={IconListCheck} title={t("emptyTitle")} text={may ? t("emptyText") : t("emptyTextViewer")} />
      )}
      {jobs.isSuccess && items.length === 0 && filtered && (
        <EmptyState icon={IconFilterOff} title={t("noneTitle")} text={t("noneText")}>
          <Button variant="default" onClick={() => setParams({}, { replace: true })}>
            {t("showAll")}
          </Button>
        </EmptyState>
      )}
      {items.length > 0 && (
        <ul className={classes.list} aria-label={t("title")}>
          {items.map((job) => (
            <JobRow key={job.id} known={job} filter={filter} />
          ))}
        </ul>
      )}
      {jobs.hasNextPage && (
        <Center mt="md">
          <Button variant="default" loading={jobs.isFetchingNextPage} onClick={() => void jobs.fetchNextPage()}>
            {t("app:action.more")}
          </Button>
        </Center>
      )}
    </PageBody>
  );
}

function Waiting() {
  return (
    <Stack gap={8} aria-hidden>
      {[0, 1, 2, 3].map((row) => (
        <Skeleton key={row} h={66} radius="md" />
      ))}
    </Stack>
  );
}
