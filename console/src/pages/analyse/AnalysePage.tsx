import { Button, Collapse, Group, Stack, Title } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconAdjustmentsHorizontal, IconArrowRight, IconPhotoPlus, IconScan } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { useMediaPages } from "~/api/media";
import { useMay } from "~/api/session";
import { EmptyState } from "~/components/EmptyState";
import { MediaCard, MediaCardSkeletons, MediaGrid } from "~/components/media/MediaCard";
import { PageBody } from "~/components/PageBody";
import { ProblemNotice } from "~/components/ProblemNotice";
import { setUploadWish, useTransfers, useUploadWish } from "~/uploads/store";
import { DropZone } from "./DropZone";
import { JustDropped } from "./JustDropped";
import { isUsual, OptionsForm, USUAL } from "./OptionsForm";

/** Bring pictures and videos in, and see what was found in the last ones. */
export function AnalysePage() {
  const { t } = useTranslation("analyse");
  const may = useMay("media:write");
  const dropped = useTransfers();
  return (
    <PageBody title={t("title")} text={may ? t("lead") : t("leadViewer")}>
      <Stack gap="xl">
        {may && (
          <Stack gap="xs">
            <DropZone />
            <WhatToLookFor />
          </Stack>
        )}
        {dropped.length > 0 && <JustDropped transfers={dropped} />}
        <Recent />
      </Stack>
    </PageBody>
  );
}

function WhatToLookFor() {
  const { t } = useTranslation(["analyse", "app"]);
  const [open, { toggle }] = useDisclosure(false);
  const wish = useUploadWish();
  const value = wish ?? USUAL;
  return (
    <div>
      <Button
        variant="subtle"
        size="compact-sm"
        leftSection={<IconAdjustmentsHorizontal size={16} aria-hidden />}
        aria-expanded={open}
        onClick={toggle}
      >
        {wish
          ? t("optionsSome", { kinds: (value.only ?? []).map((kind) => t(`app:kind.${kind}`)).join(", ") })
          : t("optionsAll")}
      </Button>
      <Collapse expanded={open}>
        <Stack pt="sm" pl="xs" maw={640}>
          <OptionsForm value={value} onChange={(options) => setUploadWish(isUsual(options) ? null : options)} />
        </Stack>
      </Collapse>
    </div>
  );
}

function Recent() {
  const { t } = useTranslation("analyse");
  const may = useMay("media:write");
  const recent = useMediaPages({ limit: 12 });
  const items = recent.data?.pages[0]?.items ?? [];
  return (
    <section aria-labelledby="recent">
      <Group justify="space-between" mb="sm">
        <Title order={2} id="recent">
          {t("recent")}
        </Title>
        {items.length > 0 && (
          <Button
            component={Link}
            to="/library"
            variant="subtle"
            size="compact-sm"
            rightSection={<IconArrowRight size={15} aria-hidden />}
          >
            {t("all")}
          </Button>
        )}
      </Group>
      {recent.isError && <ProblemNotice error={recent.error} onRetry={() => void recent.refetch()} />}
      {recent.isPending && (
        <MediaGrid>
          <MediaCardSkeletons count={6} />
        </MediaGrid>
      )}
      {recent.isSuccess && items.length === 0 && (
        <EmptyState
          icon={may ? IconPhotoPlus : IconScan}
          title={t("emptyTitle")}
          text={may ? t("emptyText") : t("emptyTextViewer")}
        />
      )}
      {items.length > 0 && (
        <MediaGrid>
          {items.map((media) => (
            <MediaCard key={media.id} media={media} />
          ))}
        </MediaGrid>
      )}
    </section>
  );
}
