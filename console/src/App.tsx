import { MantineProvider } from "@mantine/core";
import { ModalsProvider } from "@mantine/modals";
import { Notifications } from "@mantine/notifications";
import { QueryClientProvider } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { RouterProvider } from "react-router";
import { onSignedOut } from "./api/client";
import { makeQueries } from "./api/queries";
import { ME } from "./api/session";
import { makeRouter } from "./router";
import { cssVariables, theme } from "./theme";

const queries = makeQueries();
onSignedOut(() => queries.setQueryData(ME, null));
const router = makeRouter();

/** Providers around the routes. */
export function App({ nonce }: { nonce: string }) {
  const { t } = useTranslation();
  return (
    <MantineProvider
      theme={theme}
      cssVariablesResolver={cssVariables}
      defaultColorScheme="auto"
      getStyleNonce={() => nonce}
    >
      <QueryClientProvider client={queries}>
        <ModalsProvider
          labels={{ confirm: t("action.ok"), cancel: t("action.cancel") }}
          modalProps={{ closeButtonProps: { "aria-label": t("action.close") } }}
        >
          <Notifications position="top-right" />
          <RouterProvider router={router} />
        </ModalsProvider>
      </QueryClientProvider>
    </MantineProvider>
  );
}
