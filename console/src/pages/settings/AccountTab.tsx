import {
  Anchor,
  Button,
  PasswordInput,
  SegmentedControl,
  Stack,
  Text,
  Title,
  useMantineColorScheme,
} from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { useChangePassword } from "~/api/accounts";
import { useMay, useMe } from "~/api/session";
import { ProblemNotice } from "~/components/ProblemNotice";
import { chooseLanguage, LANGUAGES, type Language } from "~/i18n";
import { NewPasswordInput } from "./NewPasswordInput";
import { MIN_PASSWORD } from "./password";
import { Rights } from "./Rights";
import classes from "./settings.module.css";

/** Who one is here, one's password, and how the console looks. */
export function AccountTab() {
  const { t, i18n } = useTranslation(["settings", "app"]);
  const me = useMe();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <div className={classes.columns}>
      <Stack gap="xl">
        <section aria-labelledby="who">
          <Title order={2} id="who" mb="sm">
            {me.name}
          </Title>
          <Text fw={600}>{t(`app:menu.role.${me.role}`)}</Text>
          <Text size="sm" c="dimmed" mb="sm">
            {t(`role.${me.role}`)}
          </Text>
          <details className={classes.rights}>
            <summary>{t("account.rights", { count: me.permissions.length })}</summary>
            <Rights rights={me.permissions} />
          </details>
        </section>
        <section aria-labelledby="looks">
          <Title order={2} id="looks" mb="sm">
            {t("account.looks")}
          </Title>
          <Stack gap="md" align="flex-start">
            <div>
              <Text size="sm" fw={600} mb={4} id="language">
                {t("app:menu.language")}
              </Text>
              <SegmentedControl
                aria-labelledby="language"
                value={i18n.language}
                onChange={(language) => void chooseLanguage(language as Language)}
                data={(Object.keys(LANGUAGES) as Language[]).map((value) => ({ value, label: LANGUAGES[value] }))}
              />
            </div>
            <div>
              <Text size="sm" fw={600} mb={4} id="scheme">
                {t("app:menu.scheme")}
              </Text>
              <SegmentedControl
                aria-labelledby="scheme"
                value={colorScheme}
                onChange={(scheme) => setColorScheme(scheme as typeof colorScheme)}
                data={(["light", "dark", "auto"] as const).map((value) => ({ value, label: t(`app:menu.${value}`) }))}
              />
            </div>
          </Stack>
        </section>
      </Stack>
      <PasswordForm />
    </div>
  );
}

function PasswordForm() {
  const { t } = useTranslation("settings");
  const me = useMe();
  const manages = useMay("users:manage");
  const [old, setOld] = useState("");
  const [next, setNext] = useState("");
  const [again, setAgain] = useState("");
  const { mutate, isPending, error } = useChangePassword();
  const differs = again !== "" && again !== next;
  const done = () => {
    setOld("");
    setNext("");
    setAgain("");
    notifications.show({ color: "green", message: t("account.changed") });
  };
  return (
    <section aria-labelledby="password">
      <Title order={2} id="password" mb={4}>
        {t("account.password")}
      </Title>
      <Text size="sm" c="dimmed" mb="md">
        {t("account.passwordText")}
        {manages && (
          <>
            {" "}
            {t("account.noneYet")}{" "}
            <Anchor component={Link} to="/settings/users" inherit underline="always">
              {t("tab.users")}
            </Anchor>
          </>
        )}
      </Text>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          mutate({ old, new: next }, { onSuccess: done });
        }}
      >
        <Stack gap="md" maw={400}>
          <input type="text" name="username" autoComplete="username" value={me.name} readOnly hidden />
          <PasswordInput
            label={t("account.old")}
            value={old}
            onChange={(event) => setOld(event.currentTarget.value)}
            autoComplete="current-password"
            visibilityToggleButtonProps={{ "aria-label": t("app:action.showPassword"), tabIndex: 0 }}
            required
            withAsterisk={false}
          />
          <NewPasswordInput label={t("account.new")} value={next} onChange={setNext} />
          <PasswordInput
            label={t("account.again")}
            value={again}
            onChange={(event) => setAgain(event.currentTarget.value)}
            error={differs ? t("account.differs") : null}
            autoComplete="new-password"
            visibilityToggleButtonProps={{ "aria-label": t("app:action.showPassword"), tabIndex: 0 }}
            required
            withAsterisk={false}
          />
          {error && <ProblemNotice error={error} />}
          <Button
            type="submit"
            loading={isPending}
            disabled={old === "" || next.length < MIN_PASSWORD || again !== next}
            style={{ alignSelf: "flex-start" }}
          >
            {t("account.change")}
          </Button>
        </Stack>
      </form>
    </section>
  );
}
