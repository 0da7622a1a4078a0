import { ActionIcon, Anchor, Button, CloseButton, Group, Progress, Text, UnstyledButton } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import {
  IconAlertTriangle,
  IconCheck,
  IconChevronDown,
  IconChevronUp,
  IconPlayerPause,
  IconPlayerPlay,
  IconRefresh,
  IconX,
} from "@tabler/icons-react";
import { memo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useLocation } from "react-router";
import { formatBytes, formatShare } from "~/lib/format";
import {
  canCancel,
  canPause,
  canResume,
  canRetry,
  isFinished,
  share,
  shownPhase,
  summarise,
  type Transfer,
} from "./machine";
import { uploads } from "./store";
import classes from "./uploads.module.css";

const SHOWN = 100;

/** All uploads of this visit, at the lower edge of every page. */
export function UploadTray({ transfers }: { transfers: readonly Transfer[] }) {
  const { t } = useTranslation();
  const { pathname } = useLocation();
  const narrow = useMediaQuery("(max-width: 48em)", true, { getInitialValueInEffect: false });
  const [wished, setWished] = useState<boolean | null>(null);
  const sum = summarise(transfers);
  // The Analyse page lists the same files; on a phone, or when all is done, the list would only cover the page.
  const open = wished ?? (sum.active > 0 && !narrow && pathname !== "/analyse");
  const lead =
    sum.active > 0
      ? t("tray.active", { count: sum.active })
      : sum.attention > 0
        ? t("tray.attention", { count: sum.attention })
        : t("tray.done", { count: sum.done });
  // What needs a person comes first, then what is under way, newest first.
  const order = [...transfers].reverse().sort((a, b) => rank(a) - rank(b));
  return (
    <section className={classes.tray} aria-label={t("tray.title")}>
      <div className={classes.trayTop}>
        <UnstyledButton
          className={classes.trayHead}
          aria-expanded={open}
          aria-label={`${lead}. ${open ? t("tray.collapse") : t("tray.expand")}`}
          onClick={() => setWished(!open)}
        >
          <Group gap={8} wrap="nowrap" component="span">
            {sum.active === 0 && sum.attention > 0 && (
              <IconAlertTriangle size={17} color="var(--app-bad)" aria-hidden />
            )}
            <Text fw={600} size="sm" component="span">
              {lead}
            </Text>
          </Group>
          {open ? <IconChevronDown size={18} aria-hidden /> : <IconChevronUp size={18} aria-hidden />}
        </UnstyledButton>
        {sum.active === 0 && (
          <CloseButton mr={8} aria-label={t("tray.clear")} title={t("tray.clear")} onClick={() => uploads.clear()} />
        )}
      </div>
      {sum.active > 0 && <Progress value={sum.share * 100} size={3} radius={0} aria-hidden />}
      {open && (
        <>
          <ul className={classes.list}>
            {order.slice(0, SHOWN).map((transfer) => (
              <Row key={transfer.key} transfer={transfer} />
            ))}
          </ul>
          {sum.active > 0 && transfers.some(isFinished) && (
            <Group justify="flex-end" p={6}>
              <Button size="compact-sm" variant="subtle" onClick={() => uploads.clear()}>
                {t("tray.clear")}
              </Button>
            </Group>
          )}
        </>
      )}
      <div className={classes.said} role="status">
        {lead}
      </div>
    </section>
  );
}

function rank({ phase }: Transfer): number {
  if (phase === "failed" || phase === "refused") return 0;
  if (phase === "kept" || phase === "cancelled") return 3;
  return phase === "waiting" ? 2 : 1;
}

const Row = memo(function Row({ transfer }: { transfer: Transfer }) {
  const { t, i18n } = useTranslation();
  const { key, name, phase } = transfer;
  const percent = formatShare(Math.floor(share(transfer) * 100) / 100, i18n.language);
  const bad = phase === "failed" || phase === "refused";
  const moving = !isFinished(transfer);
  return (
    <li className={classes.row}>
      <Group gap="xs" wrap="nowrap" justify="space-between">
        <Text size="sm" truncate title={name} className={classes.name}>
          {name}
        </Text>
        <Group gap={2} wrap="nowrap">
          {phase === "kept" && transfer.analysisId && (
            <Anchor
              size="sm"
              component={Link}
              to={`/analyse/${transfer.analysisId}`}
              aria-label={`${t("tray.open")}: ${name}`}
            >
              {t("tray.open")}
            </Anchor>
          )}
          {phase === "kept" && <IconCheck size={16} color="var(--app-good)" aria-hidden />}
          {bad && <IconAlertTriangle size={16} color="var(--app-bad)" aria-hidden />}
          {canPause(transfer) && (
            <Action label={t("tray.pause", { name })} icon={IconPlayerPause} onClick={() => uploads.pause(key)} />
          )}
          {canResume(transfer) && (
            <Action label={t("tray.resume", { name })} icon={IconPlayerPlay} onClick={() => uploads.resume(key)} />
          )}
          {canRetry(transfer) && (
            <Action label={t("tray.retry", { name })} icon={IconRefresh} onClick={() => uploads.resume(key)} />
          )}
          {canCancel(transfer) && (
            <Action label={t("tray.cancel", { name })} icon={IconX} onClick={() => uploads.cancel(key)} />
          )}
        </Group>
      </Group>
      {moving && (
        <Progress
          value={share(transfer) * 100}
          size={4}
          my={4}
          color={phase === "paused" ? "gray" : "lake"}
          striped={shownPhase(transfer) === "checking"}
          animated={shownPhase(transfer) === "checking"}
          aria-label={t("tray.progress", { name, percent })}
        />
      )}
      <Group gap="xs" justify="space-between" wrap="nowrap">
        <Text size="xs" c={bad ? "var(--app-bad)" : "dimmed"}>
          {t(`tray.phase.${shownPhase(transfer)}`)}
          {bad && transfer.detail ? `: ${transfer.detail}` : ""}
        </Text>
        {moving && (
          <Text size="xs" c="dimmed" className="numbers" flex="none">
            {t("tray.of", {
              done: formatBytes(transfer.received + transfer.inFlight, i18n.language),
              all: formatBytes(transfer.bytes, i18n.language),
            })}
          </Text>
        )}
      </Group>
    </li>
  );
});

function Action({ label, icon: Icon, onClick }: { label: string; icon: typeof IconX; onClick: () => void }) {
  return (
    <ActionIcon variant="subtle" color="gray" size={28} aria-label={label} title={label} onClick={onClick}>
      <Icon size={16} aria-hidden />
    </ActionIcon>
  );
}
