import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";
import "./app.css";
import { setNonce } from "get-nonce";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { startI18n } from "./i18n";

const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";
setNonce(nonce);

await startI18n();
const root = document.getElementById("root");
if (root) createRoot(root).render(<App nonce={nonce} />);
