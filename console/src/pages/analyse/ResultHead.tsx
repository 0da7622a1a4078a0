import { ActionIcon, Button, Group, Menu, Modal, Stack, Text, Title } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import {
  IconArrowLeft,
  IconDownload,
  IconFileCode,
  IconFileDownload,
  IconPhotoDown,
  IconRefresh,
} from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";
import { annotatedUrl, contentUrl, documentUrl, useAnalyse } from "~/api/media";
import { useMay } from "~/api/session";
import type { Analysis, Media } from "~/api/types";
import { ProblemNotice } from "~/components/ProblemNotice";
import { formatClock, formatDateTime } from "~/lib/format";
import { OptionsForm, USUAL } from "./OptionsForm";
import classes from "./result.module.css";

/** Name of the file, and what can be done with the result. */
export function ResultHead({ media, analysis }: { media: Media; analysis: Analysis | null }) {
  const { t, i18n } = useTranslation(["analyse", "app"]);
  const may = useMay("analyse");
  const [again, { open, close }] = useDisclosure(false);
  const line = [
    t(`app:media.${media.kind}`),
    `${media.size_wh[0]} × ${media.size_wh[1]}`,
    media.duration_s == null ? null : formatClock(media.duration_s),
    formatDateTime(media.taken_at, i18n.language),
  ];
  return (
    <Group className={classes.pageHead} justify="space-between" wrap="nowrap" align="center">
      <Group gap="xs" wrap="nowrap" className={classes.grow}>
        <ActionIcon
          component={Link}
          to="/analyse"
          variant="subtle"
          color="gray"
          size={36}
          aria-label={t("back")}
          title={t("back")}
        >
          <IconArrowLeft size={20} aria-hidden />
        </ActionIcon>
        <div className={classes.grow}>
          <Title order={1} size="h2" className={classes.title} title={media.name}>
            {media.name}
          </Title>
          <Text size="xs" c="dimmed" truncate className="numbers">
            {line.filter(Boolean).join(" · ")}
          </Text>
        </div>
      </Group>
      <Group gap="xs" wrap="nowrap">
        {may && (
          <Button variant="default" size="sm" leftSection={<IconRefresh size={16} aria-hidden />} onClick={open}>
            <span className={classes.wide}>{analysis ? t("again") : t("analyse")}</span>
          </Button>
        )}
        {analysis && <Downloads media={media} analysis={analysis} />}
      </Group>
      <Modal
        opened={again}
        onClose={close}
        title={analysis ? t("again") : t("analyse")}
        closeButtonProps={{ "aria-label": t("app:action.close") }}
      >
        <AnalyseAgain media={media} start={analysis?.options ?? USUAL} />
      </Modal>
    </Group>
  );
}

function AnalyseAgain({ media, start }: { media: Media; start: Analysis["options"] }) {
  const { t } = useTranslation("analyse");
  const [options, setOptions] = useState(start);
  const analyse = useAnalyse();
  const navigate = useNavigate();
  const go = () =>
    analyse.mutate({ mediaId: media.id, options }, { onSuccess: ({ id }) => void navigate(`/analyse/${id}`) });
  return (
    <Stack>
      <OptionsForm value={options} onChange={(value) => setOptions({ ...start, ...value })} />
      {analyse.isError && <ProblemNotice error={analyse.error} />}
      <Group justify="flex-end">
        <Button loading={analyse.isPending} onClick={go}>
          {t("start")}
        </Button>
      </Group>
    </Stack>
  );
}

function Downloads({ media, analysis }: { media: Media; analysis: Analysis }) {
  const { t } = useTranslation(["analyse", "app"]);
  const done = analysis.state === "done";
  const stem = media.name.replace(/\.[^.]+$/, "");
  return (
    <Menu position="bottom-end" shadow="md">
      <Menu.Target>
        <Button size="sm" leftSection={<IconDownload size={16} aria-hidden />}>
          <span className={classes.wide}>{t("app:action.download")}</span>
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {done && (
          <Menu.Item
            component="a"
            href={documentUrl(analysis.id)}
            download={`${stem}.json`}
            leftSection={<IconFileCode size={16} aria-hidden />}
          >
            {t("download.json")}
          </Menu.Item>
        )}
        {done && media.kind === "picture" && (
          <Menu.Item
            component="a"
            href={annotatedUrl(analysis.id)}
            download={`${stem}.annotated.jpg`}
            leftSection={<IconPhotoDown size={16} aria-hidden />}
          >
            {t("download.annotated")}
          </Menu.Item>
        )}
        <Menu.Item
          component="a"
          href={contentUrl(media.id)}
          download={media.name}
          leftSection={<IconFileDownload size={16} aria-hidden />}
        >
          {t("download.original")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
