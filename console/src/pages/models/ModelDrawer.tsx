import { Anchor, Drawer, Skeleton, Stack, Table, Text, Title } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { type ModelDetail, useModel } from "~/api/models";
import { JsonView } from "~/components/json/JsonView";
import { ProblemNotice } from "~/components/ProblemNotice";
import { formatBytes } from "~/lib/format";
import { type Card, cardOf } from "./card";
import { figure, webAddress } from "./choose";
import { Fetch } from "./Fetch";
import { Commercial, Here } from "./marks";
import classes from "./models.module.css";

/** A net's whole card at the side of the page. */
export function ModelDrawer({ name, onClose }: { name: string | undefined; onClose: () => void }) {
  const { t } = useTranslation(["models", "app"]);
  const model = useModel(name);
  return (
    <Drawer
      opened={name !== undefined}
      onClose={onClose}
      position="right"
      size="min(720px, 100vw)"
      title={<span className={classes.drawerTitle}>{model.data?.title ?? name}</span>}
      closeButtonProps={{ "aria-label": t("app:action.close") }}
    >
      {model.isError && <ProblemNotice error={model.error} onRetry={() => void model.refetch()} />}
      {model.isPending && <Skeleton h={320} />}
      {model.data && <Whole model={model.data} />}
    </Drawer>
  );
}

function Whole({ model }: { model: ModelDetail }) {
  const { t } = useTranslation("models");
  const card = cardOf(model.card);
  return (
    <Stack gap="lg">
      <Stack gap="xs">
        <Text>{model.summary || card.summary}</Text>
        <div className={classes.marks}>
          <Here state={model.state} fetching={Boolean(model.fetching_job_id)} />
          <Commercial allowed={model.commercial ?? true} />
        </div>
        <Fetch model={model} />
      </Stack>
      <Terms model={model} card={card} />
      <Measured model={model} card={card} />
      <Tensors card={card} />
      <Files card={card} />
      <details className={classes.raw}>
        <summary>{t("raw")}</summary>
        <JsonView value={model.card} />
      </details>
    </Stack>
  );
}

function Facts({ rows }: { rows: readonly (readonly [string, React.ReactNode])[] }) {
  return (
    <dl className={classes.facts}>
      {rows.map(([label, value]) =>
        value === null || value === "" ? null : (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ),
      )}
    </dl>
  );
}

function Terms({ model, card }: { model: ModelDetail; card: Card }) {
  const { t } = useTranslation("models");
  return (
    <section aria-labelledby="terms">
      <Title order={3} id="terms" mb={6}>
        {t("terms")}
      </Title>
      <Facts
        rows={[
          [t("code"), model.licence_code],
          [t("weights"), model.licence_weights],
          [t("data"), model.licence_data],
          [t("notes"), card.notes],
          [t("upstream"), <Address key="upstream" text={card.upstream} />],
        ]}
      />
    </section>
  );
}

function Address({ text }: { text: string }) {
  const address = webAddress(text);
  if (!address) return text;
  return (
    <Anchor href={address} target="_blank" rel="noreferrer" inherit>
      {address}
    </Anchor>
  );
}

function Measured({ model, card }: { model: ModelDetail; card: Card }) {
  const { t, i18n } = useTranslation("models");
  const rows = model.accuracy ?? [];
  const thresholds = Object.entries(card.thresholds);
  return (
    <section aria-labelledby="accuracy">
      <Title order={3} id="accuracy" mb={6}>
        {t("accuracy")}
      </Title>
      {rows.length === 0 && (
        <Text size="sm" c="dimmed">
          {t("unmeasuredLong")}
        </Text>
      )}
      {rows.length > 0 && (
        <Table className={classes.table} aria-labelledby="accuracy">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t("metric")}</Table.Th>
              <Table.Th ta="right">{t("value")}</Table.Th>
              <Table.Th>{t("measuredOn")}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map((row) => (
              <Table.Tr key={`${row.metric} ${row.data}`}>
                <Table.Td>{row.metric}</Table.Td>
                <Table.Td ta="right" className="numbers">
                  {figure(row.value, i18n.language)}
                </Table.Td>
                <Table.Td>{row.data}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
      {thresholds.length > 0 && (
        <>
          <Title order={3} mt="md" mb={6}>
            {t("thresholds")}
          </Title>
          <Facts
            rows={thresholds.map(([name, { value, set_on }]) => [
              name,
              <>
                <b className="numbers">{figure(value, i18n.language)}</b> {set_on}
              </>,
            ])}
          />
        </>
      )}
    </section>
  );
}

function Tensors({ card }: { card: Card }) {
  const { t } = useTranslation("models");
  return (
    <section aria-labelledby="tensors">
      <Title order={3} id="tensors" mb={6}>
        {t("tensors")}
      </Title>
      <Facts
        rows={(["inputs", "outputs"] as const).flatMap((side) =>
          card[side].map(
            ({ name, shape, meaning }) =>
              [
                `${t(side)}: ${name}`,
                <>
                  <span className={classes.mono}>{shape}</span>
                  <br />
                  {meaning}
                </>,
              ] as const,
          ),
        )}
      />
    </section>
  );
}

function Files({ card }: { card: Card }) {
  const { t, i18n } = useTranslation("models");
  const { weights } = card;
  const mono = (text: string) => <span className={classes.mono}>{text}</span>;
  return (
    <section aria-labelledby="files">
      <Title order={3} id="files" mb={6}>
        {t("files")}
      </Title>
      <Facts
        rows={[
          [t("file"), mono(weights.file)],
          [t("size"), formatBytes(weights.bytes, i18n.language)],
          ["SHA-256", mono(weights.sha256)],
          [t("importer"), weights.importer ? mono(weights.importer) : null],
          ...weights.files.map(
            (file) =>
              [
                t("from", { name: file.name }),
                <ul key={file.name} className={classes.sources}>
                  {file.sources.map((source) => (
                    <li key={source}>{mono(source)}</li>
                  ))}
                </ul>,
              ] as const,
          ),
        ]}
      />
    </section>
  );
}
