import {
  Alert,
  Button,
  Checkbox,
  Code,
  CopyButton,
  Group,
  Modal,
  NumberInput,
  Stack,
  Text,
  TextInput,
} from "@mantine/core";
import { IconAlertTriangle, IconCheck, IconCopy } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type CreatedKey, useAddKey } from "~/api/accounts";
import { useMe } from "~/api/session";
import { useBounds } from "~/api/settings";
import type { Permission } from "~/api/types";
import { ProblemNotice } from "~/components/ProblemNotice";
import { example, GROUPS } from "./keys";
import classes from "./settings.module.css";
import { wrongWith } from "./units";

/** Make an API key; then its secret, this once. */
export function KeyModal({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation(["settings", "app"]);
  const [made, setMade] = useState<CreatedKey | null>(null);
  return (
    <Modal
      opened
      onClose={onClose}
      title={made ? t("keys.made", { name: made.name }) : t("keys.add")}
      size="lg"
      closeOnClickOutside={!made}
      closeOnEscape={!made}
      withCloseButton={!made}
      closeButtonProps={{ "aria-label": t("app:action.close") }}
    >
      {made ? <Secret made={made} onClose={onClose} /> : <Form onMade={setMade} onClose={onClose} />}
    </Modal>
  );
}

function Form({ onMade, onClose }: { onMade: (key: CreatedKey) => void; onClose: () => void }) {
  const { t } = useTranslation(["settings", "app"]);
  const { permissions } = useMe();
  const bounds = useBounds("NewKey");
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<Permission[]>([]);
  const [days, setDays] = useState<number | null>(90);
  const add = useAddKey();
  const bad = wrongWith(days, bounds.expires_in_days ?? { minimum: 1, maximum: 3650 });
  const ready = name.trim() !== "" && scopes.length > 0 && !bad;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (ready) add.mutate({ name: name.trim(), scopes, expires_in_days: days ?? 90 }, { onSuccess: onMade });
      }}
    >
      <Stack gap="md">
        <TextInput
          label={t("keys.name")}
          description={t("keys.nameHint")}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          maxLength={200}
          autoComplete="off"
          data-autofocus
          required
          withAsterisk={false}
        />
        <Checkbox.Group
          label={t("keys.scopes")}
          description={t("keys.scopesHint")}
          value={scopes}
          onChange={(value) => setScopes(value as Permission[])}
        >
          <div className={classes.scopes}>
            {GROUPS.map((group) => {
              const offered = group.filter((right) => permissions.includes(right));
              return offered.length === 0 ? null : (
                <div key={group[0]} className={classes.scopeGroup}>
                  {offered.map((right) => (
                    <Checkbox key={right} value={right} label={t(`right.${right.replace(":", "_")}`)} />
                  ))}
                </div>
              );
            })}
          </div>
        </Checkbox.Group>
        <Group align="flex-end" gap="sm">
          <NumberInput
            label={t("keys.days")}
            value={days ?? ""}
            onChange={(value) => setDays(typeof value === "number" ? value : null)}
            error={bad ? t("keys.daysBad", { most: bounds.expires_in_days?.maximum ?? 3650 }) : null}
            allowDecimal={false}
            allowNegative={false}
            w={200}
          />
          <Group gap={6}>
            {[30, 90, 365].map((count) => (
              <Button key={count} variant="default" size="xs" mb={3} onClick={() => setDays(count)}>
                {t("keys.inDays", { count })}
              </Button>
            ))}
          </Group>
        </Group>
        {add.isError && <ProblemNotice error={add.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {t("app:action.cancel")}
          </Button>
          <Button type="submit" disabled={!ready} loading={add.isPending}>
            {t("keys.add")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function Secret({ made, onClose }: { made: CreatedKey; onClose: () => void }) {
  const { t } = useTranslation(["settings", "app"]);
  return (
    <Stack gap="md">
      <Alert color="yellow" icon={<IconAlertTriangle aria-hidden />} title={t("keys.once")}>
        {t("keys.onceText")}
      </Alert>
      <Group gap="xs" wrap="nowrap" align="stretch">
        <Code block className={classes.secret} aria-label={t("keys.secret")}>
          {made.secret}
        </Code>
        <CopyButton value={made.secret}>
          {({ copied, copy }) => (
            <Button
              onClick={copy}
              h="auto"
              leftSection={copied ? <IconCheck size={17} aria-hidden /> : <IconCopy size={17} aria-hidden />}
            >
              {copied ? t("app:action.copied") : t("app:action.copy")}
            </Button>
          )}
        </CopyButton>
      </Group>
      <div>
        <Text size="sm" mb={4}>
          {t("keys.try")}
        </Text>
        <Code block className={classes.secret}>
          {example(window.location.origin, `${made.prefix}…`, made.scopes)}
        </Code>
      </div>
      <Group justify="flex-end">
        <Button onClick={onClose}>{t("keys.noted")}</Button>
      </Group>
    </Stack>
  );
}
