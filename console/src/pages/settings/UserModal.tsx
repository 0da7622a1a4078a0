import { Button, Group, Modal, Radio, Stack, Text, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type Role, type User, useAddUser, useChangeUser } from "~/api/accounts";
import { useMe } from "~/api/session";
import { ProblemNotice } from "~/components/ProblemNotice";
import { NewPasswordInput } from "./NewPasswordInput";
import { MIN_PASSWORD } from "./password";

export type UserWish = { what: "add" } | { what: "role" | "password"; user: User };

const ROLES: readonly Role[] = ["viewer", "operator", "custodian", "admin"];
const LOGIN = /^[a-z0-9][a-z0-9._@-]{0,63}$/;

/** Add a user, change their role, or give them a new password. */
export function UserModal({ wish, onClose }: { wish: UserWish; onClose: () => void }) {
  const { t } = useTranslation(["settings", "app"]);
  const me = useMe();
  const user = wish.what === "add" ? null : wish.user;
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>(user?.role ?? "viewer");
  const [password, setPassword] = useState("");
  const add = useAddUser();
  const change = useChangeUser();
  const done = (text: string) => () => {
    notifications.show({ color: "green", message: text });
    onClose();
  };
  const submit = () => {
    if (!user) {
      add.mutate({ name, role, password }, { onSuccess: done(t("users.added", { name })) });
      return;
    }
    const body = wish.what === "role" ? { role } : { password };
    change.mutate({ id: user.id, body }, { onSuccess: done(t("users.changed", { name: user.name })) });
  };
  const badName = name !== "" && !LOGIN.test(name);
  const ready =
    wish.what === "role" ? role !== user?.role : password.length >= MIN_PASSWORD && (user !== null || LOGIN.test(name));
  const error = add.error ?? change.error;
  const title =
    wish.what === "add"
      ? t("users.add")
      : t(wish.what === "role" ? "users.roleOf" : "users.passwordOf", { name: user?.name });
  return (
    <Modal opened onClose={onClose} title={title} size="lg" closeButtonProps={{ "aria-label": t("app:action.close") }}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (ready) submit();
        }}
      >
        <Stack gap="md">
          {wish.what === "add" && (
            <TextInput
              label={t("users.name")}
              description={t("users.nameHint")}
              value={name}
              onChange={(event) => setName(event.currentTarget.value.toLowerCase())}
              error={badName ? t("users.nameBad") : null}
              autoComplete="off"
              autoCapitalize="none"
              spellCheck={false}
              maxLength={64}
              data-autofocus
              required
              withAsterisk={false}
            />
          )}
          {wish.what !== "password" && (
            <Radio.Group label={t("users.role")} value={role} onChange={(value) => setRole(value as Role)}>
              <Stack gap="sm" mt={8}>
                {ROLES.map((one) => (
                  <Radio key={one} value={one} label={t(`app:menu.role.${one}`)} description={t(`role.${one}`)} />
                ))}
              </Stack>
            </Radio.Group>
          )}
          {wish.what !== "role" && (
            <NewPasswordInput label={t("users.password")} value={password} onChange={setPassword} offer />
          )}
          {wish.what === "password" && (
            <Text size="sm" c="dimmed">
              {user?.name === me.name ? t("users.ownPasswordText") : t("users.passwordText")}
            </Text>
          )}
          {error && <ProblemNotice error={error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t("app:action.cancel")}
            </Button>
            <Button type="submit" disabled={!ready} loading={add.isPending || change.isPending}>
              {wish.what === "add" ? t("users.add") : t("save")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
