import { Anchor, Button, Divider, Group, PasswordInput, Stack, Text, TextInput, Title } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { API } from "~/api/client";
import { useSignIn, useSignInOptions, useTokenSignIn } from "~/api/session";
import { Logo } from "~/components/Logo";
import { ProblemNotice } from "~/components/ProblemNotice";
import { useTitle } from "~/components/useTitle";
import { LanguageMenu, SchemeMenu } from "~/shell/menus";
import classes from "./SignInPage.module.css";

/** The way in: name and password, the owner's token, or single sign-on. */
export function SignInPage({ tokenError }: { tokenError: Error | null }) {
  const { t } = useTranslation("signIn");
  const options = useSignInOptions();
  const [wish, setWish] = useState<"password" | "token" | null>(null);
  useTitle(t("title"));
  const way = wish ?? (tokenError || options.data?.password === false ? "token" : "password");
  const oidc = options.data?.oidc_name;
  return (
    <div className={classes.ground}>
      <Group justify="flex-end" gap={4} p="xs">
        <LanguageMenu />
        <SchemeMenu />
      </Group>
      <main className={classes.main}>
        <Stack gap="lg" className={classes.card}>
          <Stack gap={8}>
            <Logo size={40} />
            <Title order={1}>{t("title")}</Title>
            <Text c="dimmed">{t("lead")}</Text>
          </Stack>
          {tokenError && <ProblemNotice error={tokenError} />}
          {oidc && (
            <>
              <Button component="a" href={`${API}/auth/oidc/start`} variant="default" size="md" fullWidth>
                {t("oidc", { name: oidc })}
              </Button>
              <Divider label={t("or")} />
            </>
          )}
          {way === "password" ? <PasswordForm /> : <TokenForm />}
          {options.data?.password !== false && (
            <Anchor component="button" size="sm" onClick={() => setWish(way === "password" ? "token" : "password")}>
              {way === "password" ? t("useToken") : t("usePassword")}
            </Anchor>
          )}
        </Stack>
      </main>
    </div>
  );
}

function PasswordForm() {
  const { t } = useTranslation("signIn");
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const { mutate, isPending, error } = useSignIn();
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        mutate({ name: name.trim().toLowerCase(), password });
      }}
    >
      <Stack gap="md">
        <TextInput
          label={t("name")}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          size="md"
          required
          withAsterisk={false}
          data-autofocus
        />
        <PasswordInput
          label={t("password")}
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          autoComplete="current-password"
          size="md"
          required
          withAsterisk={false}
          visibilityToggleButtonProps={{ "aria-label": t("show"), tabIndex: 0 }}
        />
        {error && <ProblemNotice error={error} />}
        <Button type="submit" size="md" loading={isPending} fullWidth>
          {t("submit")}
        </Button>
      </Stack>
    </form>
  );
}

function TokenForm() {
  const { t } = useTranslation("signIn");
  const [token, setToken] = useState("");
  const { mutate, isPending, error } = useTokenSignIn();
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        mutate(token.trim());
      }}
    >
      <Stack gap="md">
        <PasswordInput
          label={t("token")}
          description={t("tokenHint")}
          value={token}
          onChange={(event) => setToken(event.currentTarget.value)}
          autoComplete="off"
          size="md"
          required
          withAsterisk={false}
          visibilityToggleButtonProps={{ "aria-label": t("show"), tabIndex: 0 }}
        />
        {error && <ProblemNotice error={error} />}
        <Button type="submit" size="md" loading={isPending} fullWidth>
          {t("submit")}
        </Button>
      </Stack>
    </form>
  );
}
