import { Button, CopyButton, Group, PasswordInput, Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { MIN_PASSWORD, randomPassword } from "./password";

interface Props {
  label: string;
  value: string;
  onChange: (value: string) => void;
  /** Offer to make one up, for passwords that are told to somebody else. */
  offer?: boolean;
}

/** A password to be: long enough, and made up by the console on wish. */
export function NewPasswordInput({ label, value, onChange, offer }: Props) {
  const { t } = useTranslation(["settings", "app"]);
  const [made, setMade] = useState(false);
  const short = value !== "" && value.length < MIN_PASSWORD;
  return (
    <div>
      <PasswordInput
        label={label}
        description={t("password.hint", { count: MIN_PASSWORD })}
        value={value}
        onChange={(event) => {
          setMade(false);
          onChange(event.currentTarget.value);
        }}
        error={short ? t("password.short", { count: MIN_PASSWORD }) : null}
        autoComplete="new-password"
        visibilityToggleButtonProps={{ "aria-label": t("app:action.showPassword"), tabIndex: 0 }}
        visible={made || undefined}
        required
        withAsterisk={false}
      />
      {offer && (
        <Group gap="xs" mt={6}>
          <Button
            variant="subtle"
            size="compact-sm"
            onClick={() => {
              setMade(true);
              onChange(randomPassword());
            }}
          >
            {t("password.make")}
          </Button>
          {made && value && (
            <CopyButton value={value}>
              {({ copied, copy }) => (
                <Button variant="subtle" size="compact-sm" onClick={copy}>
                  {copied ? t("app:action.copied") : t("app:action.copy")}
                </Button>
              )}
            </CopyButton>
          )}
          {made && (
            <Text size="xs" c="dimmed">
              {t("password.tell")}
            </Text>
          )}
        </Group>
      )}
    </div>
  );
}
