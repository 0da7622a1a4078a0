import { Button, Group } from "@mantine/core";
import { IconFilterOff, IconPhotoPlus } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { useMediaPages } from "~/api/media";
import { useMay } from "~/api/session";
import { EmptyState } from "~/components/EmptyState";
import { MediaCard, MediaCardSkeletons, MediaGrid } from "~/components/media/MediaCard";
import { ProblemNotice } from "~/components/ProblemNotice";
import { type Filters, mediaQuery, narrowed } from "./filters";
import { useMore } from "./useMore";

interface Props {
  filters: Filters;
  onClear: () => void;
  /** Ids of the chosen files; null: none can be chosen now. */
  chosen: ReadonlySet<string> | null;
  onChoose: (chosen: ReadonlySet<string>) => void;
}

/** Files as cards, newest first, more of them as one scrolls. */
export function FileGrid({ filters, onClear, chosen, onChoose }: Props) {
  const { t } = useTranslation(["library", "app"]);
  const write = useMay("media:write");
  const pages = useMediaPages(mediaQuery(filters));
  const end = useMore(pages);
  const items = pages.data?.pages.flatMap((page) => page.items) ?? [];
  const choose = (id: string, on: boolean) => {
    const next = new Set(chosen);
    if (on) next.add(id);
    else next.delete(id);
    onChoose(next);
  };
  if (pages.isError && items.length === 0)
    return <ProblemNotice error={pages.error} onRetry={() => void pages.refetch()} />;
  if (pages.isSuccess && items.length === 0) {
    const filtered = narrowed(filters) > 0 || filters.search !== "";
    return filtered ? (
      <EmptyState icon={IconFilterOff} title={t("noMatch")} text={t("noMatchText")}>
        <Button variant="default" onClick={onClear}>
          {t("clearFilters")}
        </Button>
      </EmptyState>
    ) : (
      <EmptyState icon={IconPhotoPlus} title={t("empty")} text={write ? t("emptyText") : t("emptyTextViewer")}>
        {write && (
          <Button component={Link} to="/analyse">
            {t("toAnalyse")}
          </Button>
        )}
      </EmptyState>
    );
  }
  return (
    <>
      <MediaGrid>
        {items.map((media) => (
          <MediaCard
            key={media.id}
            media={media}
            selected={chosen?.has(media.id)}
            onSelect={chosen ? (on) => choose(media.id, on) : undefined}
          />
        ))}
        {(pages.isPending || pages.isFetchingNextPage) && <MediaCardSkeletons count={12} />}
      </MediaGrid>
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
