import {
  Button,
  CloseButton,
  Collapse,
  Group,
  MultiSelect,
  Popover,
  SegmentedControl,
  Select,
  Stack,
  TextInput,
} from "@mantine/core";
import { useDebouncedCallback, useDisclosure, useMediaQuery } from "@mantine/hooks";
import { IconAdjustmentsHorizontal, IconCalendar, IconSearch } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useMay } from "~/api/session";
import { useSources } from "~/api/sources";
import { KINDS, RECORD_KIND, type RecordKind } from "~/api/types";
import { formatDateTime, fromLocalInput, toLocalInput } from "~/lib/format";
import { type Filters, narrowed, type ViewName } from "./filters";
import classes from "./library.module.css";
import { useLabels } from "./queries";

interface Props {
  filters: Filters;
  onChange: (change: Partial<Filters>) => void;
}

/** Search and filters; on a phone the filters fold away. */
export function FilterBar({ filters, onChange }: Props) {
  const { t } = useTranslation(["library", "app"]);
  const narrow = useMediaQuery("(max-width: 48em)") ?? false;
  const [open, { toggle }] = useDisclosure(false);
  const records = useMay("records:read");
  const count = narrowed(filters);
  return (
    <Stack gap="sm" component="search">
      <Group gap="sm" wrap="wrap">
        {records && (
          <SegmentedControl
            value={filters.view}
            onChange={(view) => onChange({ view: view as ViewName, search: "" })}
            aria-label={t("view")}
            data={[
              { value: "files", label: t("files") },
              { value: "findings", label: t("findings") },
            ]}
            fullWidth={narrow}
            w={narrow ? "100%" : undefined}
          />
        )}
        <SearchBox key={filters.view} filters={filters} onChange={onChange} />
        {narrow && (
          <Button
            variant="default"
            leftSection={<IconAdjustmentsHorizontal size={17} aria-hidden />}
            aria-expanded={open}
            onClick={toggle}
          >
            {count > 0 ? t("filtersSome", { count }) : t("filters")}
          </Button>
        )}
        {!narrow && <FilterFields filters={filters} onChange={onChange} />}
      </Group>
      {narrow && (
        <Collapse expanded={open}>
          <Stack gap="xs">
            <FilterFields filters={filters} onChange={onChange} />
          </Stack>
        </Collapse>
      )}
    </Stack>
  );
}

function SearchBox({ filters, onChange }: Props) {
  const { t } = useTranslation(["library", "app"]);
  const [text, setText] = useState(filters.search);
  const tell = useDebouncedCallback((search: string) => onChange({ search }), 350);
  useEffect(() => setText(filters.search), [filters.search]);
  const label = filters.view === "files" ? t("searchFiles") : t("searchFindings");
  return (
    <TextInput
      className={classes.search}
      value={text}
      onChange={(event) => {
        setText(event.currentTarget.value);
        tell(event.currentTarget.value);
      }}
      // Before anything else is pressed: told later, it would call back who is on the way to a result.
      onBlur={() => tell.flush()}
      leftSection={<IconSearch size={17} aria-hidden />}
      rightSection={
        text && (
          <CloseButton
            size="sm"
            aria-label={t("app:action.clear")}
            onClick={() => {
              setText("");
              onChange({ search: "" });
            }}
          />
        )
      }
      placeholder={label}
      aria-label={label}
      maxLength={200}
    />
  );
}

function FilterFields({ filters, onChange }: Props) {
  const { t } = useTranslation(["library", "app"]);
  const findings = filters.view === "findings";
  const sources = useSources(useMay("sources:read"));
  const labels = useLabels(findings);
  const names = [
    ...new Set(
      (labels.data ?? []).filter(({ kind }) => !filters.found || kind === filters.found).map(({ label }) => label),
    ),
  ];
  const items = sources.data ?? [];
  return (
    <>
      {!findings && (
        <Select
          className={classes.field}
          value={filters.media}
          onChange={(media) => onChange({ media: media as Filters["media"] })}
          placeholder={t("anyMedia")}
          aria-label={t("media")}
          clearable
          data={(["picture", "video"] as const).map((value) => ({ value, label: t(`media_${value}`) }))}
        />
      )}
      <Select
        className={classes.field}
        value={filters.found}
        onChange={(found) => onChange({ found: found as RecordKind | null })}
        placeholder={t("anyFound")}
        aria-label={t("found")}
        clearable
        data={KINDS.map((kind) => ({ value: RECORD_KIND[kind], label: t(`app:kind.${kind}`) }))}
      />
      {findings && (
        <MultiSelect
          className={classes.wideField}
          value={filters.labels}
          onChange={(chosen) => onChange({ labels: chosen })}
          placeholder={filters.labels.length === 0 ? t("anyLabel") : undefined}
          aria-label={t("labels")}
          searchable
          clearable
          hidePickedOptions
          styles={{ inputField: { minWidth: 40 } }}
          nothingFoundMessage={t("noLabel")}
          data={names.filter((name): name is string => Boolean(name))}
        />
      )}
      {findings && (
        <Select
          className={classes.field}
          value={filters.minScore > 0 ? String(filters.minScore) : null}
          onChange={(score) => onChange({ minScore: Number(score ?? 0) })}
          placeholder={t("anyScore")}
          aria-label={t("score")}
          clearable
          data={["0.5", "0.7", "0.9"].map((value) => ({
            value,
            label: t("scoreFrom", { percent: Number(value) * 100 }),
          }))}
        />
      )}
      {items.length > 0 && (
        <Select
          className={classes.field}
          value={filters.source ? String(filters.source) : null}
          onChange={(source) => onChange({ source: source ? Number(source) : null })}
          placeholder={t("anySource")}
          aria-label={t("source")}
          clearable
          data={items.map(({ id, name }) => ({ value: String(id), label: name }))}
        />
      )}
      <TimeRange filters={filters} onChange={onChange} />
    </>
  );
}

const HOURS = { hour: 1, day: 24, week: 24 * 7, month: 24 * 30 } as const;

function TimeRange({ filters, onChange }: Props) {
  const { t, i18n } = useTranslation(["library", "app"]);
  const [open, { toggle, close }] = useDisclosure(false);
  const say = (iso: string | null) => (iso ? formatDateTime(iso, i18n.language) : "…");
  const set = Boolean(filters.from || filters.before);
  const wrong = filters.from && filters.before && filters.from >= filters.before;
  return (
    <Popover
      opened={open}
      onDismiss={close}
      onChange={(next) => !next && close()}
      position="bottom-end"
      shadow="md"
      trapFocus
    >
      <Popover.Target>
        <Button
          variant="default"
          fw={400}
          leftSection={<IconCalendar size={17} aria-hidden />}
          onClick={toggle}
          aria-expanded={open}
        >
          {set ? `${say(filters.from)} – ${say(filters.before)}` : t("anyTime")}
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <Stack gap="sm" w={280}>
          <Group gap={6}>
            {(Object.keys(HOURS) as (keyof typeof HOURS)[]).map((name) => (
              <Button
                key={name}
                size="compact-sm"
                variant="light"
                onClick={() =>
                  onChange({ from: new Date(Date.now() - HOURS[name] * 3_600_000).toISOString(), before: null })
                }
              >
                {t(`last.${name}`)}
              </Button>
            ))}
          </Group>
          <TextInput
            type="datetime-local"
            label={t("from")}
            value={toLocalInput(filters.from)}
            onChange={(event) => onChange({ from: fromLocalInput(event.currentTarget.value) })}
          />
          <TextInput
            type="datetime-local"
            label={t("before")}
            value={toLocalInput(filters.before)}
            error={wrong ? t("wrongOrder") : undefined}
            onChange={(event) => onChange({ before: fromLocalInput(event.currentTarget.value) })}
          />
          <Button
            variant="subtle"
            size="compact-sm"
            disabled={!set}
            onClick={() => onChange({ from: null, before: null })}
          >
            {t("allTime")}
          </Button>
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}
