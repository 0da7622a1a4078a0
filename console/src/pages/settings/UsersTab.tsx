import { ActionIcon, Button, Group, Menu, Skeleton, Stack, Text } from "@mantine/core";
import { modals } from "@mantine/modals";
import { notifications } from "@mantine/notifications";
import { IconBan, IconCircleCheck, IconDots, IconKey, IconPencil, IconTrash, IconUserPlus } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type User, useChangeUser, useDeleteUser, useUsers } from "~/api/accounts";
import { useMe } from "~/api/session";
import { ProblemNotice, useProblemText } from "~/components/ProblemNotice";
import { formatAgo, formatDateTime } from "~/lib/format";
import classes from "./settings.module.css";
import { UserModal, type UserWish } from "./UserModal";

/** Who may come in, and as what. */
export function UsersTab() {
  const { t } = useTranslation("settings");
  const users = useUsers();
  const [wish, setWish] = useState<UserWish | null>(null);
  return (
    <>
      <Group justify="space-between" mb="md" gap="sm">
        <Text c="dimmed" size="sm" maw="60ch">
          {t("users.text")}
        </Text>
        <Button leftSection={<IconUserPlus size={17} aria-hidden />} onClick={() => setWish({ what: "add" })}>
          {t("users.add")}
        </Button>
      </Group>
      {users.isError && <ProblemNotice error={users.error} onRetry={() => void users.refetch()} />}
      {users.isPending && (
        <Stack gap={8} aria-hidden>
          <Skeleton h={56} />
          <Skeleton h={56} />
        </Stack>
      )}
      {users.data && (
        <ul className={classes.list} aria-label={t("tab.users")}>
          {users.data.map((user) => (
            <UserRow key={user.id} user={user} onWish={setWish} />
          ))}
        </ul>
      )}
      {wish && <UserModal wish={wish} onClose={() => setWish(null)} />}
    </>
  );
}

function UserRow({ user, onWish }: { user: User; onWish: (wish: UserWish) => void }) {
  const { t, i18n } = useTranslation(["settings", "app"]);
  const me = useMe();
  const own = user.name === me.name;
  return (
    <li className={classes.row} data-off={user.disabled}>
      <div className={classes.rowMain}>
        <Text fw={600}>
          {user.name}
          {own && (
            <Text span size="sm" c="dimmed" fw={400}>
              {" "}
              {t("users.you")}
            </Text>
          )}
        </Text>
        <Text size="sm" c="dimmed">
          {t(`app:menu.role.${user.role}`)}
          {user.disabled ? ` · ${t("users.disabled")}` : ""}
        </Text>
      </div>
      <Text size="sm" c="dimmed" className={classes.rowSide}>
        {user.last_seen_at ? (
          <span title={formatDateTime(user.last_seen_at, i18n.language)}>
            {t("users.seen", { when: formatAgo(user.last_seen_at, i18n.language) })}
          </span>
        ) : (
          t("users.never")
        )}
      </Text>
      <UserMenu user={user} own={own} onWish={onWish} />
    </li>
  );
}

function UserMenu({ user, own, onWish }: { user: User; own: boolean; onWish: (wish: UserWish) => void }) {
  const { t } = useTranslation(["settings", "app"]);
  const change = useChangeUser();
  const remove = useDeleteUser();
  const problemText = useProblemText();
  const onError = (error: Error) => {
    const { title, detail } = problemText(error);
    notifications.show({ color: "red", title, message: detail });
  };
  const disable = () =>
    modals.openConfirmModal({
      title: t("users.disableTitle", { name: user.name }),
      children: <Text size="sm">{t("users.disableText")}</Text>,
      labels: { confirm: t("users.disable"), cancel: t("app:action.cancel") },
      confirmProps: { color: "red" },
      onConfirm: () => change.mutate({ id: user.id, body: { disabled: true } }, { onError }),
    });
  const ask = () =>
    modals.openConfirmModal({
      title: t("users.deleteTitle", { name: user.name }),
      children: <Text size="sm">{t("users.deleteText")}</Text>,
      labels: { confirm: t("app:action.delete"), cancel: t("app:action.cancel") },
      confirmProps: { color: "red" },
      onConfirm: () => remove.mutate(user.id, { onError }),
    });
  return (
    <Menu position="bottom-end" shadow="md" width={230}>
      <Menu.Target>
        <ActionIcon
          variant="subtle"
          color="gray"
          size={36}
          aria-label={t("users.actions", { name: user.name })}
          loading={change.isPending || remove.isPending}
        >
          <IconDots size={19} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item
          leftSection={<IconPencil size={16} aria-hidden />}
          onClick={() => onWish({ what: "role", user })}
          disabled={own}
        >
          {t("users.changeRole")}
        </Menu.Item>
        <Menu.Item leftSection={<IconKey size={16} aria-hidden />} onClick={() => onWish({ what: "password", user })}>
          {t("users.resetPassword")}
        </Menu.Item>
        {!own && <Menu.Divider />}
        {!own && user.disabled && (
          <Menu.Item
            leftSection={<IconCircleCheck size={16} aria-hidden />}
            onClick={() => change.mutate({ id: user.id, body: { disabled: false } }, { onError })}
          >
            {t("users.enable")}
          </Menu.Item>
        )}
        {!own && !user.disabled && (
          <Menu.Item leftSection={<IconBan size={16} aria-hidden />} onClick={disable}>
            {t("users.disable")}
          </Menu.Item>
        )}
        {!own && (
          <Menu.Item c="var(--app-bad)" leftSection={<IconTrash size={16} aria-hidden />} onClick={ask}>
            {t("app:action.delete")}
          </Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}
