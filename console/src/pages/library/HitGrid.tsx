import { Button, Group, Skeleton } from "@mantine/core";
import { IconSearchOff } from "@tabler/icons-react";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { EmptyState } from "~/components/EmptyState";
import { ProblemNotice } from "~/components/ProblemNotice";
import { type Filters, narrowed } from "./filters";
import { HitCard } from "./HitCard";
import { groupHits } from "./hits";
import classes from "./library.module.css";
import { useRecordPages } from "./queries";
import { useMore } from "./useMore";

/** What was found, as cards that show it, newest first. */
export function HitGrid({ filters, onClear }: { filters: Filters; onClear: () => void }) {
  const { t } = useTranslation(["library", "app"]);
  const pages = useRecordPages(filters, true);
  const end = useMore(pages);
  const hits = useMemo(() => groupHits(pages.data?.pages.flatMap((page) => page.items) ?? []), [pages.data]);
  if (pages.isError && hits.length === 0)
    return <ProblemNotice error={pages.error} onRetry={() => void pages.refetch()} />;
  if (pages.isSuccess && hits.length === 0) {
    const filtered = narrowed(filters) > 0 || filters.search !== "";
    return (
      <EmptyState
        icon={IconSearchOff}
        title={filtered ? t("noHit") : t("noFindings")}
        text={filtered ? t("noHitText") : t("noFindingsText")}
      >
        {filtered && (
          <Button variant="default" onClick={onClear}>
            {t("clearFilters")}
          </Button>
        )}
      </EmptyState>
    );
  }
  return (
    <>
      <div className={classes.hits} aria-busy={pages.isPlaceholderData}>
        {hits.map((hit) => (
          <HitCard key={hit.key} hit={hit} />
        ))}
        {(pages.isPending || pages.isFetchingNextPage) &&
          ["a", "b", "c", "d", "e", "f", "g", "h"].map((key) => <Skeleton key={key} h={250} radius="md" />)}
      </div>
      <div ref={end} />
      {pages.isFetchNextPageError && <ProblemNotice error={pages.error} onRetry={() => void pages.fetchNextPage()} />}
      {pages.hasNextPage && !pages.isFetchingNextPage && (
        <Group justify="center">
          <Button variant="default" onClick={() => void pages.fetchNextPage()}>
            {t("app:action.more")}
          </Button>
        </Group>
      )}
    </>
  );
}
