/** `<script type="module" src="…/widget/chat-files-dashboard.js">`: defines `<chat-files-dashboard>`. In browsers only. */
import { defineChatFilesDashboard } from './dashboard-element.tsx';

defineChatFilesDashboard();
