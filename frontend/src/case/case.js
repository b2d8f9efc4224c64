// The diagrams of the case page and the task page.
import { show } from "./diagram.js";

for (const container of document.querySelectorAll("[data-diagram]")) show(container);
